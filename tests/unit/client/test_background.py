"""The blocking client's thread: results, generators, Ctrl-C."""

import asyncio
import signal
import threading
from collections.abc import AsyncGenerator, Iterator
from functools import partial

import pytest

from mlendpoints.client import ClientError, WaitInterruptedError
from mlendpoints.client.background import Background


@pytest.fixture
def background() -> Iterator[Background]:
    background = Background(nothing)
    yield background
    background.stop()


async def nothing() -> None:
    """Closes nothing."""


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


def test_a_coroutine_runs_also_where_another_loop_is_running(background: Background) -> None:
    async def notebook() -> int:
        return background.run(answer())

    assert asyncio.run(notebook()) == 42


def test_errors_are_raised_to_the_caller(background: Background) -> None:
    async def fail() -> None:
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        background.run(fail())


def test_a_generator_is_closed_when_its_caller_stops(background: Background) -> None:
    closed: list[bool] = []

    async def count() -> AsyncGenerator[int]:
        try:
            for number in range(100):
                yield number
        finally:
            closed.append(True)

    items = background.iterate(count())
    assert [next(items), next(items)] == [0, 1]
    items.close()  # type: ignore[attr-defined]
    assert closed == [True]
    assert list(background.iterate(count())) == list(range(100))


def test_an_interrupted_wait_is_cancelled_and_says_what_continues(background: Background) -> None:
    async def wait() -> None:
        try:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise asyncio.CancelledError("It continues in the cluster.") from None

    with pytest.raises(WaitInterruptedError, match="It continues in the cluster"):
        background.run(wait())


def test_the_thread_ends_with_its_last_user_after_closing_what_runs_in_it() -> None:
    closed_in: list[threading.Thread] = []

    async def close() -> None:
        closed_in.append(threading.current_thread())

    user = partial(Background(close).run)
    assert user(answer()) == 42
    assert closed_in == []
    del user
    assert [thread.is_alive() for thread in closed_in] == [False]


def test_a_thread_is_stopped_once_and_says_so_to_later_callers() -> None:
    background = Background(nothing)
    background.stop()
    background.stop()
    with pytest.raises(ClientError, match="The client is closed"):
        background.run(answer())
