"""Documents of a manifest as objects, and what `kubectl apply` makes of them and of the stored ones. Pure."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.meta import API_VERSION, GROUP
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model
from mlendpoints.client.edits import whole
from mlendpoints.client.errors import InvalidError
from mlendpoints.client.objects import AnyObject
from mlendpoints.client.suggestions import nearest, suggestion
from mlendpoints.core.canonical import Manifest

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_TYPES: Mapping[str, type[AnyObject]] = {kind.KIND: kind for kind in (Model, EndpointConfig, Endpoint, MLModel)}
_METADATA = ("name", "namespace", "labels", "annotations")

S = TypeVar("S", bound=Struct)


def is_ours(document: Manifest) -> bool:
    """Whether the document is of one of the four kinds."""
    return str(document.get("apiVersion", "")).partition("/")[0] == GROUP


def make_object(document: Manifest) -> AnyObject:
    """The object that a document describes; raises ``InvalidError``.

    >>> make_object({"apiVersion": "mlendpoints.dev/v1alpha1", "kind": "MLModle"})
    Traceback (most recent call last):
    mlendpoints.client.errors.InvalidError: There is no kind MLModle in mlendpoints.dev/v1alpha1. Did you mean MLModel?
    """
    kind = str(document.get("kind"))
    if kind not in _TYPES or document.get("apiVersion") != API_VERSION:
        hint = suggestion(nearest(kind, _TYPES)) or f" Its kinds: {', '.join(_TYPES)}."
        raise InvalidError(f"There is no kind {kind} in {document.get('apiVersion')}.{hint}")
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    if not isinstance(metadata, Mapping) or not isinstance(name, str):
        raise InvalidError(f"A document of kind {kind} has no metadata.name.", fields=("metadata.name",))
    fields = {"metadata": {key: metadata[key] for key in _METADATA if metadata.get(key)}, "spec": document.get("spec")}
    return _converted(fields, _TYPES[kind], f"{kind} {name}")


def applied(stored: Manifest, document: Manifest, kind: type[S]) -> S:
    """The spec after ``kubectl apply``: the document's fields over the stored ones; raises ``InvalidError``.

    Fields that an earlier apply has set and the document lacks are removed; lists are replaced.
    """
    metadata = stored.get("metadata", {})
    spec = _merged(stored.get("spec", {}), _last(metadata.get("annotations") or {}), document.get("spec") or {})
    return _converted(spec, kind, f"{document['kind']} {metadata.get('name', '')}")


def _last(annotations: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON value
    try:
        found = json.loads(annotations.get(LAST_APPLIED, "{}"))
    except (ValueError, RecursionError):
        return {}
    return found.get("spec") if isinstance(found, Mapping) else {}


def _merged(stored: Any, last: Any, wanted: Any) -> Any:  # noqa: ANN401 - any JSON value
    if not isinstance(stored, Mapping) or not isinstance(wanted, Mapping):
        return wanted
    before = last if isinstance(last, Mapping) else {}
    kept = {key: value for key, value in stored.items() if key not in before or key in wanted}
    edited = {key: _merged(kept.get(key), before.get(key), value) for key, value in wanted.items()}
    return {key: value for key, value in (kept | edited).items() if value is not None}


def _converted(fields: Any, kind: type[S], what: str) -> S:  # noqa: ANN401 - any JSON value
    try:
        found = msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise InvalidError(f"{what}: {error}") from None
    if unknown := _unknown(fields, whole(found), ""):
        raise InvalidError(f"{what}: there is no field {unknown}.", fields=(unknown,))
    return found


def _unknown(fields: Any, known: Any, path: str) -> str:  # noqa: ANN401 - any JSON value
    """The path of the first field that the type does not have."""
    pairs: list[tuple[str, Any, Any]] = []
    if isinstance(fields, Mapping) and isinstance(known, Mapping):
        pairs = [(f"{path}.{key}".strip("."), value, known.get(key, NotImplemented)) for key, value in fields.items()]
    elif isinstance(fields, list) and isinstance(known, list):
        both = zip(fields, known, strict=True)
        pairs = [(f"{path}[{number}]", value, there) for number, (value, there) in enumerate(both)]
    missing = next((where for where, value, there in pairs if there is NotImplemented and value is not None), "")
    return missing or next(filter(None, (_unknown(value, there, where) for where, value, there in pairs)), "")


def with_metadata(obj: AnyObject, **fields: object) -> AnyObject:
    """A copy with these fields of its metadata."""
    return replace(obj, metadata=replace(obj.metadata, **fields))
