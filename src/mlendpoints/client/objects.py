"""The operator's typed structs as objects of the API server: encoded, decoded, edited. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.meta import API_VERSION
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model
from mlendpoints.client.errors import InvalidError
from mlendpoints.core import changes
from mlendpoints.core.canonical import Manifest, canonical
from mlendpoints.core.world import Ref

AnyObject = Model | EndpointConfig | Endpoint | MLModel
T = TypeVar("T", bound=AnyObject)
S = TypeVar("S", bound=Struct)

describe = changes.describe

_EDITABLE = ("labels", "annotations", "finalizers", "ownerReferences")  # of the metadata


def make_manifest(obj: AnyObject) -> Manifest:
    """The object as the API server takes it, without its status."""
    fields = canonical(obj)
    fields.pop("status", None)
    return {"apiVersion": API_VERSION, "kind": obj.KIND} | fields


def with_spec(obj: T, **fields: object) -> T:
    """A copy with these fields of its spec; raises ``InvalidError`` for a wrong name or value.

    >>> from mlendpoints.client import Model, ModelSpec, ObjectMeta
    >>> model = Model(metadata=ObjectMeta(name="titanic"), spec=ModelSpec(image="registry.example.com/titanic:1"))
    >>> with_spec(model, image="registry.example.com/titanic:2").spec.image
    'registry.example.com/titanic:2'
    >>> with_spec(model, port=80)
    Traceback (most recent call last):
    mlendpoints.client.errors.InvalidError: spec.port: Expected `int` >= 1024
    """
    return replace(obj, spec=changed(obj.spec, "spec", **fields))


def changed(value: S, path: str, **fields: object) -> S:
    """A copy of a struct with these fields, checked as the API server checks them; ``path`` is for messages."""
    if unknown := fields.keys() - set(value.__struct_fields__):
        name = min(unknown)
        known = ", ".join(value.__struct_fields__)
        raise InvalidError(f"{path} has no field {name}; its fields are {known}.", fields=(f"{path}.{name}",))
    return checked(replace(value, **fields), path)


def checked(value: S, path: str) -> S:
    """The struct itself if all of its values are within their bounds; else raises ``InvalidError``."""
    try:
        return msgspec.convert(canonical(value), type(value))
    except msgspec.ValidationError as error:
        why, _, where = str(error).partition(" - at `$")
        field = f"{path}{where.rstrip('`')}"
        raise InvalidError(f"{field}: {why}", fields=(field,)) from None


def overlaid(stored: Manifest, before: AnyObject, after: AnyObject) -> Manifest:
    """The stored object with what differs between two typed views of it: fields that the types lack stay."""
    old, new = canonical(before), canonical(after)
    metadata = (
        {key: old["metadata"].get(key) for key in _EDITABLE},
        {key: new["metadata"].get(key) for key in _EDITABLE},
    )
    return stored | {
        "metadata": _overlaid(stored["metadata"], *metadata),
        "spec": _overlaid(stored["spec"], old["spec"], new["spec"]),
    }


def _overlaid(stored: Any, before: Any, after: Any) -> Any:  # noqa: ANN401 - any JSON value
    if before == after:
        return stored
    if isinstance(stored, Mapping) and isinstance(after, Mapping):
        return _fields_overlaid(stored, before if isinstance(before, Mapping) else {}, after)
    if isinstance(stored, list) and isinstance(after, list) and _is_named(stored) and _is_named(after):
        there, known = _by_name(stored), _by_name(before or [])
        return [_overlaid(there.get(item["name"]), known.get(item["name"]), item) for item in after]
    return after


def _fields_overlaid(stored: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> Manifest:
    edited = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    written = {key: _overlaid(stored.get(key), before.get(key), after.get(key)) for key in edited}
    return {key: value for key, value in (dict(stored) | written).items() if value is not None}


def _is_named(items: list[Any]) -> bool:
    return all(isinstance(item, Mapping) and "name" in item for item in items)


def _by_name(items: list[Any]) -> dict[str, Any]:
    return {item["name"]: item for item in items}


def ref_of(obj: AnyObject) -> Ref:
    """The reference to the object."""
    return Ref(obj.KIND, obj.metadata.namespace, obj.metadata.name)


def is_instance(obj: AnyObject) -> bool:
    """Whether it is a frozen version that the operator wrote, not a template."""
    return isinstance(obj, Model | EndpointConfig) and obj.spec.instance is not None


def templates(objects: Iterator[T]) -> tuple[T, ...]:
    """The objects without instances."""
    return tuple(obj for obj in objects if not is_instance(obj))
