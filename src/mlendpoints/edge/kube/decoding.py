"""Decodes JSON from the API server, which may contain nearly anything that tenants wrote.

The API server accepts objects nested up to 10,000 levels deep, more than
Python's recursion limit: one such object must not make its whole list
unreadable.
"""

import sys
from collections.abc import Callable
from typing import TypeVar

import msgspec

DEEPEST = 10_000 + 1_000  # levels: the API server's limit, the list around it and the current stack

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

T = TypeVar("T")


def read(raw: bytes | msgspec.Raw, type_: type[T]) -> T:
    """Decodes ``raw`` as ``type_``, however deeply nested; raises one of ``UNREADABLE``."""
    return deeply(lambda: msgspec.json.decode(raw, type=type_))


def deeply(decode: Callable[[], T]) -> T:
    """Calls a decoder, and again with a higher recursion limit if necessary.

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
