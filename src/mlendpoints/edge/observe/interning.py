"""Interning: equal values are kept once, since thousands of instances of a few templates are mostly the same.

For the cache only; interned values are immutable.
"""

import sys
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

MOST = 10_000  # interned values; then it starts over, which only costs memory

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
