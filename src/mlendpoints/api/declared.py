"""What a field of a version is for, declared beside its type: ``Annotated[str, Meta(...), IN_POD]``.

Versions, manifests and drift are derived from these marks, as CRDs and reference are from types and descriptions. A
field without a mark is part of the version, and is copied nowhere.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Literal, get_type_hints

from msgspec import NODEFAULT, Meta, Struct, defstruct, field
from msgspec.inspect import Metadata, StructType, UnionType, type_info
from msgspec.structs import fields

Part = Literal["pod", "container"]

NOT_IN_VERSION: Final = Meta(extra={"version": False})  # changing it replaces no pods
QUANTITY: Final = Meta(extra={"quantity": True})  # a quantity, or quantities by name: compared in canonical form
IN_POD: Final = Meta(extra={"copied_to": "pod"})  # a field of a PodSpec, with the same name
IN_CONTAINER: Final = Meta(extra={"copied_to": "container"})  # a field of the model's container, with the same name
ATOMIC: Final = Meta(extra={"atomic": True})  # a list or map that Kubernetes counts as one value where it is copied to


@lru_cache
def _marks(kind: type[Struct]) -> Mapping[str, Mapping[str, Any]]:
    """By the field's name in Python; each field with its own marks."""
    info = type_info(kind)
    assert isinstance(info, StructType)  # noqa: S101 - of a Struct
    return {one.name: _extra(one.type) for one in info.fields}


def _extra(type_: object) -> Mapping[str, Any]:
    """Those of a field whose value is optional are on one of its types."""
    match type_:
        case Metadata(type=inner, extra=extra):
            return {**_extra(inner), **(extra or {})}
        case UnionType(types=types):
            return {key: value for one in types for key, value in _extra(one).items()}
    return {}


def _marked(kind: type[Struct], mark: str, value: object) -> frozenset[str]:
    return frozenset(name for name, marks in _marks(kind).items() if marks.get(mark) == value)


@lru_cache
def version_fields(kind: type[Struct]) -> frozenset[str]:
    """Wire names of the fields that are part of a version."""
    outside = _marked(kind, "version", value=False)
    return frozenset(one.encode_name for one in fields(kind) if one.name not in outside)


@lru_cache
def quantity_fields(kind: type[Struct]) -> tuple[str, ...]:
    """Names of the fields that are quantities, or quantities by name."""
    return tuple(sorted(_marked(kind, "quantity", value=True)))


@lru_cache
def copied_fields(kind: type[Struct], part: Part) -> tuple[tuple[str, str, Any], ...]:
    """Name, wire name and default of the fields that are copied to a part of the pod template."""
    copied = _marked(kind, "copied_to", part)
    return tuple((one.name, one.encode_name, one.default) for one in fields(kind) if one.name in copied)


def atomic_copies(*kinds: type[Struct]) -> frozenset[str]:
    """Wire names of what is copied to a pod template and counts there as one value."""
    return frozenset(
        one.encode_name for kind in kinds for one in fields(kind) if one.name in _marked(kind, "atomic", value=True)
    )


def joined(name: str, first: type[Struct], *others: type[Struct]) -> type[Struct]:
    """A struct with the fields of several, a subclass of the first alone: Python lays out one base with slots.

    Type checkers can be told that it has all of them as bases.
    """
    parts = [_declaration(other, one) for other in others for one in fields(other)]
    return defstruct(name, parts, bases=(first,), frozen=True, kw_only=True, module=__name__)


def _declaration(kind: type[Struct], one: Any) -> Any:  # noqa: ANN401 - msgspec's FieldInfo; what defstruct takes
    type_ = get_type_hints(kind, include_extras=True)[one.name]
    if one.default_factory is not NODEFAULT:
        return one.name, type_, field(default_factory=one.default_factory)
    return (one.name, type_) if one.default is NODEFAULT else (one.name, type_, one.default)
