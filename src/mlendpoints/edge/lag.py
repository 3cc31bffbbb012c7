"""Event-loop lag: how late a timer fires. Probes, watches and the lease wait at least as long."""

import asyncio
from collections.abc import Callable

PERIOD = 0.1  # seconds


async def measure_lag(observe: Callable[[float], None]) -> None:
    """Calls ``observe`` with seconds, every ``PERIOD``, until it is cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + PERIOD
        await asyncio.sleep(PERIOD)
        observe(max(0.0, loop.time() - due))
