"""Waiting for conditions, never for durations: the limits are generous, and end only what would never hold.

``wait_until`` blocks. In an event loop, ``until`` waits for what other tasks of
it bring about, and ``poll_until`` asks a server.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tests.kit.client import RequestError

T = TypeVar("T")

TIMEOUT = 300.0  # seconds
POLL_TIMEOUT = 600.0


def wait_until(
    look: Callable[[], T | None],
    what: str,
    *,
    last: Callable[[], object] = str,
    timeout: float = TIMEOUT,
    pause: float = 0.1,
) -> T:
    """The first true answer; fails with what was awaited, and with the last state, after ``timeout`` seconds."""
    end = time.monotonic() + timeout
    while not (seen := look()):
        assert time.monotonic() < end, f"waited {timeout:.0f} s in vain until {what}; last seen: {last()}"
        time.sleep(pause)
    return seen


async def until(holds: Callable[[], bool], *, timeout: float = TIMEOUT) -> None:  # noqa: ASYNC109 - the same for all three
    """Lets the loop run until it holds. Raises ``TimeoutError``."""
    async with asyncio.timeout(timeout):
        while not holds():  # noqa: ASYNC110 - what is waited for is observed from outside, so that it has no event
            await asyncio.sleep(0.005)


async def poll_until(
    ask: Callable[[], Awaitable[T | None]],
    what: str,
    *,
    last: Callable[[], Awaitable[object]] | None = None,
    timeout: float = POLL_TIMEOUT,  # noqa: ASYNC109 - the error names it with what was awaited
) -> T:
    """The first true answer; a failed request counts as not yet. Raises ``TimeoutError``, with the last state."""
    end = time.monotonic() + timeout
    while not (answer := await _answer(ask)):
        if time.monotonic() > end:
            seen = f"; last seen: {await last()}" if last else ""
            raise TimeoutError(f"waited {timeout:.0f} s in vain until {what}{seen}")
        await asyncio.sleep(0.1)
    return answer


async def _answer(ask: Callable[[], Awaitable[T | None]]) -> T | None:
    try:
        return await ask()
    except RequestError:
        return None
