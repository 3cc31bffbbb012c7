import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from mlendpoints.core.world import Ref
from mlendpoints.edge.fairness import Budget
from mlendpoints.edge.kube.errors import (
    ApiError,
    ConflictError,
    NotFoundError,
    RejectedError,
    TooManyRequestsError,
    UnavailableError,
)
from mlendpoints.edge.metrics import Metrics
from mlendpoints.edge.reconcile.queue import FIRST_RETRY, Queue
from mlendpoints.edge.reconcile.worker import StaleCacheError, Workers
from tests.edge.virtual_time import elapse, now, run, settle

KEY, OTHER = Ref("Endpoint", "default", "a"), Ref("Endpoint", "default", "b")


class Rig:
    """Workers whose reconciles do what a test says, and the times at which they ran."""

    def __init__(
        self, reconcile: Callable[[Ref], Awaitable[None]], *, count: int = 2, budget: Budget | None = None
    ) -> None:
        self.ran: list[tuple[Ref, float]] = []
        self.queue = Queue(jitter=lambda: 1.0, budget=budget)
        self.metrics = Metrics()
        self._reconcile = reconcile
        self.workers = Workers(queue=self.queue, reconcile=self.reconcile, metrics=self.metrics, count=count)

    async def reconcile(self, key: Ref) -> None:
        self.ran.append((key, now()))
        await self._reconcile(key)

    def results(self) -> dict[str, float]:
        samples = next(iter(self.metrics.reconciles.collect())).samples
        return {sample.labels["result"]: sample.value for sample in samples}

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.workers.run())
        yield
        self.workers.stop()
        await task


def test_the_depth_of_the_queue_is_current_while_all_workers_wait() -> None:
    async def scenario() -> None:
        async def work(_key: Ref) -> None:
            await asyncio.sleep(3600)

        rig = Rig(work, count=1)
        async with rig.at_work():
            rig.queue.add(KEY)
            await settle()
            rig.queue.add(OTHER)
            assert b"mlendpoints_queue_depth 1.0" in rig.metrics.exposition()
            await elapse(7200)
            assert b"mlendpoints_queue_depth 0.0" in rig.metrics.exposition()

    run(scenario())


def test_a_key_whose_reconcile_was_cut_off_comes_again() -> None:
    async def scenario() -> None:
        async def work(_key: Ref) -> None:
            await asyncio.sleep(3600)

        rig = Rig(work)
        rig.queue.add(KEY)
        losing_the_lease = asyncio.create_task(rig.workers.run())
        await settle()
        losing_the_lease.cancel()
        await settle()
        async with asyncio.timeout(10):
            assert await rig.queue.get() == KEY

    run(scenario())


def failing_once(error: Exception) -> Callable[[Ref], Awaitable[None]]:
    errors = [error]

    async def reconcile(_key: Ref) -> None:
        if errors:
            raise errors.pop()

    return reconcile


@pytest.mark.parametrize(
    ("error", "delay", "result"),
    [
        (ConflictError("changed"), FIRST_RETRY, "conflict"),
        (NotFoundError("gone"), FIRST_RETRY, "conflict"),
        (UnavailableError("503"), FIRST_RETRY, "error"),
        (TooManyRequestsError("429", retry_after=7), 7, "error"),
        (RejectedError("422"), 30, "error"),
        (ZeroDivisionError(), FIRST_RETRY, "bug"),
    ],
)
def test_a_failure_is_tried_again_in_its_own_time(error: Exception, delay: float, result: str) -> None:
    async def scenario() -> None:
        rig = Rig(failing_once(error))
        async with rig.at_work():
            rig.queue.add(KEY)
            await elapse(100)
            assert rig.ran == [(KEY, 0.0), (KEY, pytest.approx(delay))]
            assert rig.results() == {result: 1, "success": 1}

    run(scenario())


def test_success_starts_the_delays_anew() -> None:
    async def scenario() -> None:
        errors: list[ApiError | None] = [UnavailableError(""), UnavailableError(""), None, UnavailableError(""), None]

        async def reconcile(_key: Ref) -> None:
            error = errors.pop(0)
            if error is not None:
                raise error

        rig = Rig(reconcile)
        async with rig.at_work():
            rig.queue.add(KEY)
            await elapse(10)
            rig.queue.add(KEY)
            await elapse(10)
            times = [time for _, time in rig.ran]
            assert times == pytest.approx([0, 0.05, 0.15, 10, 10.05])

    run(scenario())


def test_a_flood_in_one_namespace_is_slowed_down_and_shown() -> None:
    async def scenario() -> None:
        def busily() -> None:
            begun = time.thread_time()
            while time.thread_time() < begun + 0.02:
                pass

        async def reconcile(key: Ref) -> None:
            if key.namespace == "noisy":
                busily()

        rig = Rig(reconcile, budget=Budget(rate=0.1, burst=0.01, clock=now))
        async with rig.at_work():
            for number in range(10):
                rig.queue.add(Ref("Endpoint", "noisy", str(number)))
            rig.queue.add(KEY)
            await elapse(10)
            finished = {key: at for key, at in rig.ran if key.namespace == "noisy"}
            assert (KEY, 0.0) in rig.ran
            assert len(finished) == 10
            assert max(finished.values()) >= 0.8  # a tenth of the time
            assert b'mlendpoints_namespace_throttled_total{namespace="noisy"}' in rig.metrics.exposition()

    run(scenario())


def test_a_slow_key_does_not_hold_up_another() -> None:
    async def scenario() -> None:
        async def reconcile(key: Ref) -> None:
            await elapse(60 if key == KEY else 0)

        rig = Rig(reconcile)
        async with rig.at_work():
            rig.queue.add(KEY)
            rig.queue.add(OTHER)
            await elapse(1)
            assert rig.ran == [(KEY, 0.0), (OTHER, 0.0)]

    run(scenario())


def test_a_stop_finishes_what_is_at_work_and_begins_nothing_more() -> None:
    async def scenario() -> None:
        finished: list[Ref] = []

        async def reconcile(key: Ref) -> None:
            await elapse(5)
            finished.append(key)

        rig = Rig(reconcile, count=1)
        async with rig.at_work():
            rig.queue.add(KEY)
            rig.queue.add(OTHER)
            await settle()
        assert finished == [KEY]
        assert now() == pytest.approx(5)

    run(scenario())


def test_workers_that_were_broken_off_can_begin_again() -> None:
    async def scenario() -> None:
        async def reconcile(_key: Ref) -> None:
            await elapse(5)

        rig = Rig(reconcile)
        broken_off = asyncio.create_task(rig.workers.run())
        rig.queue.add(KEY)
        await elapse(1)
        broken_off.cancel()
        await asyncio.gather(broken_off, return_exceptions=True)
        async with rig.at_work():
            rig.queue.add(KEY)
            await elapse(10)
        assert rig.ran == [(KEY, 0.0), (KEY, 1.0)]

    run(scenario())


def test_waiting_for_an_own_write_is_no_success_that_forgets_failures() -> None:
    async def scenario() -> None:
        failures = [UnavailableError(""), UnavailableError(""), StaleCacheError(0.5), UnavailableError("")]

        async def reconcile(_key: Ref) -> None:
            if failures:
                raise failures.pop(0)

        rig = Rig(reconcile)
        async with rig.at_work():
            rig.queue.add(KEY)
            await elapse(10)
            assert [time for _, time in rig.ran] == pytest.approx([0, 0.05, 0.15, 0.65, 0.85])
            assert rig.results() == {"error": 3, "waiting": 1, "success": 1}

    run(scenario())


async def at_once(_key: Ref) -> None:
    """Nothing to write."""


async def broken(_key: Ref) -> None:
    raise ZeroDivisionError


async def too_early(_key: Ref) -> None:
    raise StaleCacheError(60)


async def turns_beside(rig: Rig, keys: int) -> list[int]:
    """How many keys were reconciled at each turn of another task, until all were."""
    for number in range(keys):
        rig.queue.add(Ref("Endpoint", "default", f"e{number}"))
    turns: list[int] = []
    async with rig.at_work():
        while turns[-1:] < [keys]:
            turns.append(len(rig.ran))
            await asyncio.sleep(0)
    return turns


@pytest.mark.parametrize("reconcile", [at_once, broken, too_early])
@pytest.mark.parametrize("count", [1, 4])
def test_reconciles_that_never_wait_leave_the_loop_to_others_after_each_key(
    reconcile: Callable[[Ref], Awaitable[None]], count: int
) -> None:
    async def scenario() -> None:
        turns = await turns_beside(Rig(reconcile, count=count), 100)
        assert max(after - before for before, after in pairwise(turns)) == count

    run(scenario())
