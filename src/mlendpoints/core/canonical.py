"""Canonical form: values as JSON's own types, without fields that have their default.

msgspec's ``omit_defaults`` compares by identity: a default that a user wrote
out, or that the API server filled in, would stay. Here values are compared, so
the same meaning always gives the same object, and a new optional field changes
nothing that exists.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

Manifest = dict[str, Any]  # an object as the API server takes it


def canonical(value: Struct) -> dict[str, Any]:
    """The fields of a value that differ from their defaults, by their names on the wire."""
    return {
        wire: plain(getattr(value, name), canonical)
        for name, wire, default in _fields(type(value))
        if getattr(value, name) != default
    }


@lru_cache
def _fields(kind: type[Struct]) -> tuple[tuple[str, str, Any], ...]:
    return tuple(
        (field.name, field.encode_name, _default(field.default, field.default_factory)) for field in fields(kind)
    )


def _default(default: object, factory: Any) -> object:  # noqa: ANN401 - msgspec's own type
    return factory() if factory is not NODEFAULT else default


def plain(value: Any, struct: Callable[[Struct], Manifest]) -> Any:  # noqa: ANN401 - whatever a field holds
    """A field's value as JSON's own types; ``struct`` makes those of structs in it."""
    match value:
        case Struct():
            return struct(value)
        case Mapping():
            return {key: plain(item, struct) for key, item in value.items()}
        case tuple():
            return [plain(item, struct) for item in value]
        case _:
            return value


def full_patch(value: Struct) -> dict[str, Any]:
    """A merge patch with every field: defaults are null, so that nothing of an earlier value stays."""
    return {wire: None for _, wire, _ in _fields(type(value))} | canonical(value)


def patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch (RFC 7396) that turns one object into the other; empty if they are the same."""
    gone = dict.fromkeys(before.keys() - after.keys())
    changed = {key: value for key, value in after.items() if key not in before or before[key] != value}
    return gone | {key: _patched(before.get(key), value) for key, value in changed.items()}


def _patched(before: Any, after: Any) -> Any:  # noqa: ANN401 - any field
    return patch(before, after) if isinstance(before, Mapping) and isinstance(after, Mapping) else after
