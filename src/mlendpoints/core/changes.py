"""What differs between two states of an object, field by field, for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.world import Ref

_KEYS = ("name", "type")  # by which the items of a list are told apart
_NOT_SHOWN = frozenset({"lastTransitionTime", "startTime", "endTime", "hostFreeSince"})


class FieldChange(Struct, frozen=True, kw_only=True):
    """One field of an object, before and after; None if it was not set, or is no longer."""

    object: Ref
    field: str
    before: Any = None
    after: Any = None

    def __str__(self) -> str:
        return f"{describe(self.object)}: {self.field}: {self.before} -> {self.after}"


def describe(ref: Ref) -> str:
    """The object in a message; a cluster-scoped one by its name alone.

    >>> describe(Ref("MLModel", "titanic", "rfc"))
    'MLModel titanic/rfc'
    """
    return f"{ref.kind} {ref.namespace}/{ref.name}" if ref.namespace else f"{ref.kind} {ref.name}"


def field_changes(ref: Ref, path: str, before: Manifest, after: Manifest) -> tuple[FieldChange, ...]:
    """The fields that differ below ``path``, items of lists by their names."""
    found = _differences(path, before, after)
    return tuple(FieldChange(object=ref, field=name, before=old, after=new) for name, old, new in found)


def status_changes(ref: Ref, before: Manifest, after: Manifest) -> tuple[FieldChange, ...]:
    """The same of a status, without its times."""
    return field_changes(ref, "status", _timeless(before), _timeless(after))


def _timeless(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        return {key: _timeless(item) for key, item in value.items() if key not in _NOT_SHOWN}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def _differences(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401 - any JSON value
    if before == after:
        return
    old, new = _keyed(before), _keyed(after)
    if old is None or new is None:
        yield path, before, after
        return
    pattern = f"{path}[{{}}]" if isinstance(after, list) else f"{path}.{{}}"
    for key in sorted(old.keys() | new.keys()):
        yield from _differences(pattern.format(key), old.get(key), new.get(key))


def _keyed(value: Any) -> Mapping[str, Any] | None:  # noqa: ANN401 - any JSON value
    return value if isinstance(value, Mapping) else by_key(value)


def by_key(value: Any) -> dict[str, Any] | None:  # noqa: ANN401 - any JSON value
    """The items of a list by their names or types; None if the value is no such list."""
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        return None
    key = next((key for key in _KEYS if all(key in item for item in value)), None)
    keyed = {str(item[key]): item for item in value} if key else {}
    return keyed if len(keyed) == len(value) else None
