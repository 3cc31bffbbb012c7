"""Interning: equal values are kept once, since thousands of instances of a few templates are mostly the same.

For the cache only; interned values are immutable.
"""

import sys
from operator import is_not
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import force_setattr

MOST = 10_000  # interned values; then it starts over, which only costs memory

_DEEPEST = 16  # levels of a value that are looked at; a tenant may write thousands
_SMALL = frozenset({int, float, bool, type(None)})
_UNIQUE = frozenset({"resource_version", "manifest_hash"})  # different for each object

S = TypeVar("S", bound=Struct)

_known: dict[tuple[type, str, bytes], Any] = {}  # by struct, field and JSON: different structs may have the same JSON


def interned(value: S, *, but: tuple[str, ...] = ()) -> S:
    """An equal value whose fields, except ``but``, are shared with equal values seen before."""
    fields = {
        name: _intern((type(value), name), getattr(value, name)) for name in value.__struct_fields__ if name not in but
    }
    return msgspec.structs.replace(value, **fields)


def _intern(place: tuple[type, str], value: Any) -> Any:  # noqa: ANN401 - any field
    if isinstance(value, str):
        return sys.intern(value)
    if not isinstance(value, Struct | tuple | dict):
        return value
    if len(_known) >= MOST:
        _known.clear()
    return _known.setdefault((*place, msgspec.json.encode(value)), value)


def share_strings(value: Any, depth: int = _DEEPEST) -> Any:  # noqa: ANN401 - any field
    """The value with its strings interned; structs in place, so only what was just decoded.

    The names and uids of an endpoint are in all of its children, and most texts of a status in thousands of others.
    CPython frees an interned string with its last use. What lies deeper than ``depth`` stays as it is.
    """
    kind = type(value)
    if kind is str:  # an enum is one already
        return sys.intern(value)
    if kind in _SMALL or not value or not depth:
        return value
    if kind is tuple:
        shared = [share_strings(item, depth - 1) for item in value]
        return tuple(shared) if any(map(is_not, shared, value)) else value
    if kind is dict:
        return {share_strings(key): share_strings(item, depth - 1) for key, item in value.items()}
    if isinstance(value, Struct):
        _share_fields(value, depth)
    return value


def _share_fields(value: Struct, depth: int) -> None:
    for name in value.__struct_fields__:
        field = getattr(value, name)
        if type(field) in _SMALL or name in _UNIQUE:
            continue
        shared = share_strings(field, depth - 1)
        if shared is not field:
            force_setattr(value, name, shared)
