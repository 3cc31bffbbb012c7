"""Waits for conditions."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from tests.kit.client import RequestError

PATIENCE = 600.0  # seconds
_PAUSE = 0.1


async def until(holds: Callable[[], Awaitable[bool]], what: str, *, patience: float = PATIENCE) -> None:
    """Asks again until it holds; a refused request counts as not yet. Raises ``TimeoutError``."""
    end = time.monotonic() + patience
    while not await _holds(holds):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {patience:.0f} s in vain until {what}")
        await asyncio.sleep(_PAUSE)


async def _holds(holds: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await holds()
    except RequestError:
        return False
