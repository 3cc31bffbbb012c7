import asyncio
import time

import pytest

from mlendpoints.edge.reconcile.stopwatch import Stopwatch

STEP = 0.02  # seconds


def work() -> None:
    begun = time.thread_time()
    while time.thread_time() < begun + STEP:
        pass


async def two_steps(between: asyncio.Event) -> str:
    work()
    await between.wait()
    work()
    return "done"


def test_only_what_the_coroutine_itself_computes_counts() -> None:
    async def scenario() -> None:
        between = asyncio.Event()
        watch = Stopwatch(two_steps(between))
        task = asyncio.ensure_future(watch)
        for _ in range(50):
            work()  # of another coroutine
            await asyncio.sleep(0)
        between.set()
        assert await task == "done"
        assert 2 * STEP <= watch.seconds < 25 * STEP

    asyncio.run(scenario())


def test_a_failure_is_raised_and_its_time_counts() -> None:
    async def fail() -> None:
        work()
        raise ZeroDivisionError

    async def scenario() -> None:
        watch = Stopwatch(fail())
        with pytest.raises(ZeroDivisionError):
            await watch
        assert watch.seconds >= STEP

    asyncio.run(scenario())


def test_a_cancellation_reaches_the_coroutine() -> None:
    ended = list[str]()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cleaned up")

    async def scenario() -> None:
        task = asyncio.ensure_future(Stopwatch(wait()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    assert ended == ["cleaned up"]
