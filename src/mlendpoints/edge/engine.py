"""The engine: API client, reflectors, cache, work queue and reconciler. Observes, plans and, if allowed, writes.

The operator is an engine with leader election, health pages and signals. A
test, a client or a notebook can run its own engine, for one namespace or for
single keys; unless it is allowed to write, it only plans (dry run).

::

    async with Engine(api=api, settings=settings, plans=plans, process=process) as engine:
        await engine.synced()
        plan = engine.plan(key)  # what an operator with these settings would do now
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

from msgspec import Struct

from mlendpoints.api.meta import Condition
from mlendpoints.core.plan import MLModelPlan, Plan
from mlendpoints.core.world import Ref
from mlendpoints.edge.events import Recorder
from mlendpoints.edge.fairness import Budget
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.kinds import Watch, make_watches
from mlendpoints.edge.lag import measure_lag
from mlendpoints.edge.lease import LeaseTimes
from mlendpoints.edge.metrics import Metrics
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.observe.changes import Changes
from mlendpoints.edge.observe.feed import Callbacks, Feed, UserObject
from mlendpoints.edge.observe.progress import Progress
from mlendpoints.edge.observe.reflector import Reflector, Timeouts
from mlendpoints.edge.poll.measurements import Meter
from mlendpoints.edge.poll.obstacles import Obstacles, object_exists
from mlendpoints.edge.poll.pod_events import PodEvents, read_events
from mlendpoints.edge.poll.pollers import Pollers
from mlendpoints.edge.poll.probes import Prober
from mlendpoints.edge.reconcile.debounce import Debounce
from mlendpoints.edge.reconcile.expectations import Expectations
from mlendpoints.edge.reconcile.parts import Parts, Plans
from mlendpoints.edge.reconcile.queue import Queue
from mlendpoints.edge.reconcile.reconciler import Reconciler
from mlendpoints.edge.reconcile.rejections import Rejections
from mlendpoints.edge.reconcile.worker import StaleCacheError, Workers
from mlendpoints.edge.reconcile.writes import Writer
from mlendpoints.edge.settings import Settings

_PROCESSOR = 0.5  # of the event loop's time, for the reconciles of one namespace
_BURST = 0.5  # seconds of processor time that it may use before
_REPEATS = 10.0  # statuses a second, of one namespace, that say nothing new but their generation
_REPEATS_BURST = 50.0  # such statuses at once


def _never() -> bool:
    return False


class Process(Struct, frozen=True, kw_only=True):
    """What differs between processes: identity in leases and events, permission to write, timeouts and clocks."""

    identity: str
    may_write: Callable[[], bool] = _never  # checked before each write; in an operator: whether the lease is held
    lease_times: LeaseTimes = LeaseTimes()
    timeouts: Timeouts = Timeouts()
    clock: Callable[[], float] = time.time  # seconds since the epoch, by this machine
    status_clock: Callable[[], float] = time.monotonic  # seconds; for the debounce of status writes
    rejection_clock: Callable[[], float] = time.monotonic  # seconds; for the retries of rejected writes


class Engine:
    """API client, reflectors, cache, queue and reconciler of one process.

    Closing it also closes ``api``.
    """

    def __init__(
        self,
        *,
        api: Api,
        settings: Settings,
        plans: Plans,
        process: Process,
        metrics: Metrics | None = None,
    ) -> None:
        self._api = api
        self._metrics = metrics or Metrics()
        self._tasks: list[asyncio.Task[None]] = []
        self._progress, self._changes = Progress(), Changes()
        self._rejections = Rejections(process.rejection_clock)
        self.cache = Cache(settings.core, settings.namespaces)
        processor = _budget(settings.namespaces, rate=_PROCESSOR, burst=_BURST, clock=time.monotonic)
        self.queue = Queue(share=_share(settings.workers), budget=processor)
        self.pollers = Pollers(
            prober=Prober(self.queue.add, count=self._metrics.probe),
            pod_events=PodEvents(partial(read_events, api), self.queue.add),
            obstacles=Obstacles(partial(object_exists, api), self._retry),
            meter=Meter(self.queue.add),
        )
        self._recorder = Recorder(api, instance=process.identity)
        watches = _watches(settings)
        self.feed = self._make_feed(watches)
        self.reflectors = [
            Reflector(api=api, watch=watch, feed=self.feed, timeouts=process.timeouts) for watch in watches
        ]
        self._reconciler = Reconciler(self._parts(settings, plans, process))
        self._workers = Workers(
            queue=self.queue, reconcile=self._reconciler.reconcile, metrics=self._metrics, count=settings.workers
        )

    def _make_feed(self, watches: tuple[Watch, ...]) -> Feed:
        callbacks = Callbacks(
            probing=self.pollers.prober.probing, count_skipped=self._metrics.skip, advanced=self._changes.note
        )
        return Feed(cache=self.cache, queue=self.queue, progress=self._progress, watches=watches, callbacks=callbacks)

    def _parts(self, settings: Settings, plans: Plans, process: Process) -> Parts:
        repeats = _budget(settings.namespaces, rate=_REPEATS, burst=_REPEATS_BURST, clock=process.status_clock)
        return Parts(
            cache=self.cache,
            queue=self.queue,
            writer=Writer(self._api, may_write=process.may_write),
            recorder=self._recorder,
            pollers=self.pollers,
            expectations=Expectations(cache=self.cache, progress=self._progress, clock=time.monotonic),
            rejections=self._rejections,
            debounce=Debounce(process.status_clock, repeats=repeats),
            metrics=self._metrics,
            settings=settings.core,
            plans=plans,
            clock=process.clock,
        )

    def _retry(self, key: Ref, refs: tuple[Ref, ...]) -> None:
        self._rejections.retry_now(key, refs)
        self.queue.add(key)

    async def __aenter__(self) -> Self:
        """Starts observing."""
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the engine."""
        await self.close()

    def start(self) -> None:
        """Starts the reflectors, the event recorder and the measuring of lag; ``close`` ends them."""
        loops = (
            *(reflector.run() for reflector in self.reflectors),
            self._recorder.run(),
            measure_lag(self._metrics.lag.observe),
        )
        self._tasks = [asyncio.create_task(loop) for loop in loops]

    async def failure(self) -> None:
        """Waits until a background loop ends, which is a bug, and raises its exception."""
        ended, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()

    async def synced(self) -> None:
        """Returns once every watch has listed its objects."""
        await self.feed.synced.wait()

    def plan(self, key: Ref) -> Plan | MLModelPlan | None:
        """Dry run: what would be done for an endpoint or MLModel now. None if it is not in the cache."""
        return self._reconciler.plan(key)

    async def reconcile(self, key: Ref) -> None:
        """Reconciles one key now, ahead of the queue; first waits until its last writes are observed.

        Raises ``ApiError`` if a write fails; ``UnavailableError`` if it would write but may not.
        """
        await self.queue.claim(key)
        try:
            while not await self._has_reconciled(key):
                await self._changes.next()
        finally:
            self.queue.done(key)

    async def _has_reconciled(self, key: Ref) -> bool:
        try:
            await self._reconciler.reconcile(key)
        except StaleCacheError:
            return False
        return True

    async def until(
        self, key: Ref, condition: str, *, within: float, status: str = "True", generation: int = 0
    ) -> UserObject:
        """Waits for a condition: the object of ``key``, once it has this status for the newest generation.

        ``generation``: the oldest one that counts, for callers that have just written the object and are ahead of the
        watch. Raises ``TimeoutError`` after ``within`` seconds.
        """
        try:
            async with asyncio.timeout(within):
                while (found := self._object(key, max(1, generation))) is None or not _has_condition(
                    found, condition, status
                ):
                    await self._changes.next()
                return found
        except TimeoutError as error:
            place = f"{key.kind} {key.namespace}/{key.name}"
            raise TimeoutError(f"{place}: timed out after {within} s waiting for {condition}={status}") from error

    def _object(self, key: Ref, generation: int) -> UserObject | None:
        entry = self.cache.entry(key)
        if entry is None or not isinstance(entry.facts, UserObject) or entry.facts.metadata.generation < generation:
            return None
        return entry.facts

    async def work(self) -> None:
        """Reconciles queued keys until ``finish`` or until it is cancelled; then stops all polling."""
        try:
            await self._workers.run()
        finally:
            self.pollers.clear()  # answers of gateways count only while no other process may change their routes

    def finish(self) -> None:
        """Takes no further keys: ``work`` returns once the in-flight reconciles have finished."""
        self._workers.stop()

    async def drain(self, *, at_most: float) -> None:
        """Waits until all events are posted, at most ``at_most`` seconds."""
        await self._recorder.drain(at_most=at_most)

    async def close(self) -> None:
        """Stops all background tasks and closes the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.pollers.close()
        self.queue.close()
        await self._api.close()


def _has_condition(found: UserObject, condition: str, status: str) -> bool:
    conditions: tuple[Condition, ...] = found.status.conditions
    known = next((each for each in conditions if each.type == condition), None)
    return known is not None and (known.status, known.observed_generation) == (status, found.metadata.generation)


def _watches(settings: Settings) -> tuple[Watch, ...]:
    return make_watches(
        namespaces=settings.namespaces,
        gateway_service=settings.gateway_service,
        volumes=bool(settings.allowed_path_prefixes),
        network_policies=settings.network_policies != "ignore",
    )


def _budget(namespaces: tuple[str, ...], *, rate: float, burst: float, clock: Callable[[], float]) -> Budget | None:
    """None for an engine of one namespace: there are no others to leave room for."""
    return None if len(namespaces) == 1 else Budget(rate=rate, burst=burst, clock=clock)


def _share(workers: int) -> int:
    """How many workers one namespace may occupy: a quarter of them is reserved for the others."""
    return workers - workers // 4
