"""Waiting for conditions in real time, with a limit that only a failure reaches."""

import asyncio
from collections.abc import Callable

PATIENCE = 20  # seconds


async def until(holds: Callable[[], bool]) -> None:
    """Lets the loop run until it holds."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - what is waited for is observed from outside, so that it has no event
            await asyncio.sleep(0.005)
