"""Waiting for conditions of a live cluster; the bound is generous and ends only what would never hold."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 300.0  # seconds
_PAUSE = 0.1


def until(ask: Callable[[], T | None], what: str, *, last: Callable[[], object] = str, patience: float = PATIENCE) -> T:
    """The first true answer; fails with what was awaited, and with how things stand, after ``patience`` seconds."""
    end = time.monotonic() + patience
    while not (answer := ask()):
        assert time.monotonic() < end, f"waited {patience:.0f} s in vain until {what}; last seen: {last()}"
        time.sleep(_PAUSE)
    return answer
