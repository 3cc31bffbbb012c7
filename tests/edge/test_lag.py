import asyncio
import time

from mlendpoints.edge.lag import measure_lag
from tests.kit.waiting import until

STALL = 0.3  # seconds


def test_a_stalled_event_loop_is_measured() -> None:
    async def scenario() -> None:
        seen = list[float]()
        measuring = asyncio.create_task(measure_lag(seen.append))
        await until(lambda: bool(seen))
        time.sleep(STALL)  # noqa: ASYNC251 - that is the stall
        await until(lambda: max(seen) >= STALL / 2)
        measuring.cancel()

    asyncio.run(scenario())
