"""JSON from the API server, into which tenants may have put nearly anything.

The API server takes objects that are nested up to 10,000 levels deep, which is
more than Python's recursion limit: one such object must not make the list that
it is in unreadable.
"""

import sys
from collections.abc import Callable
from typing import TypeVar

import msgspec

DEEPEST = 10_000 + 1_000  # levels: those of the API server, the list around them and what runs already

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

T = TypeVar("T")


def read(raw: bytes | msgspec.Raw, type_: type[T]) -> T:
    """``raw`` as ``type_``, however deep; raises one of ``UNREADABLE``."""
    return deeply(lambda: msgspec.json.decode(raw, type=type_))


def deeply(decode: Callable[[], T]) -> T:
    """Calls a decoder, once more with a higher recursion limit if it needs that.

    msgspec needs some 50 bytes of stack for each level that it skips, and some 300 for what it keeps: 3 MB of the
    main thread's 8. Python frames never get that deep, because nothing here recurses in Python.
    """
    try:
        return decode()
    except RecursionError:
        usual = sys.getrecursionlimit()
        sys.setrecursionlimit(DEEPEST)
        try:
            return decode()
        finally:
            sys.setrecursionlimit(usual)
