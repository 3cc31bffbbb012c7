"""One operator: reflectors that feed a queue, workers while the lease is held, pages for the kubelet.

Only composition; every part knows its neighbours by value, none knows this.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial

import structlog
from msgspec import Struct

from mlendpoints.core.world import Ref
from mlendpoints.edge import health
from mlendpoints.edge.ask.obstacles import Obstacles, is_there
from mlendpoints.edge.ask.pod_events import Inquiries, ask_events
from mlendpoints.edge.ask.probes import Prober
from mlendpoints.edge.events import Recorder
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.kinds import make_watches
from mlendpoints.edge.lease import Lease, LeaseTimes
from mlendpoints.edge.metrics import Metrics
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.observe.feed import Feed, Neighbours
from mlendpoints.edge.observe.progress import Progress
from mlendpoints.edge.observe.reflector import Patience, Reflector
from mlendpoints.edge.reconcile.debounce import Holds
from mlendpoints.edge.reconcile.expectations import Expectations
from mlendpoints.edge.reconcile.queue import Queue
from mlendpoints.edge.reconcile.reconciler import Parts, Plans, Reconciler
from mlendpoints.edge.reconcile.rejections import Refusals
from mlendpoints.edge.reconcile.worker import Workers
from mlendpoints.edge.reconcile.writes import Writer
from mlendpoints.edge.settings import Settings

_FINISH = 20.0  # seconds that reconciles may take to end on a clean stop
_LAST_EVENTS = 2.0  # seconds that their events may take then

log = structlog.get_logger()


class Process(Struct, frozen=True, kw_only=True):
    """What is this process's own: its name in leases and events, and its waits."""

    identity: str
    lease_times: LeaseTimes = LeaseTimes()
    patience: Patience = Patience()
    clock: Callable[[], float] = time.time  # seconds since the epoch, as this machine has it
    status_clock: Callable[[], float] = time.monotonic  # seconds; by it, statuses wait that may
    refusal_clock: Callable[[], float] = time.monotonic  # seconds; by it, refused writes wait


class Operator:
    """Reconciles a cluster's endpoints until it is stopped."""

    def __init__(self, *, settings: Settings, plans: Plans, process: Process, api: Api, metrics: Metrics) -> None:
        self._settings = settings
        self._api = api
        self._metrics = metrics
        self._stopping = asyncio.Event()
        self._failed = ""
        lease = Ref(kinds.LEASE.name, settings.lease_namespace, settings.lease_name)
        self.lease = Lease(api=api, ref=lease, identity=process.identity, times=process.lease_times)
        self.cache = Cache(settings.core, settings.namespaces)
        self.queue = Queue(share=_share(settings.workers))
        self.prober = Prober(self.queue.add)
        self.inquiries = Inquiries(partial(ask_events, api), self.queue.add)
        self._refusals = Refusals(process.refusal_clock)
        self.obstacles = Obstacles(partial(is_there, api), self._retry)
        watches = make_watches(
            namespaces=settings.namespaces,
            gateway_service=settings.gateway_service,
            volumes=bool(settings.allowed_path_prefixes),
            network_policies=settings.network_policies != "ignore",
        )
        self._recorder = Recorder(api, instance=process.identity)
        progress = Progress()
        self.feed = Feed(
            cache=self.cache,
            queue=self.queue,
            progress=progress,
            watches=watches,
            neighbours=Neighbours(asking=self.prober.asking, count_skipped=metrics.skip),
        )
        self._reflectors = [
            Reflector(api=api, watch=watch, feed=self.feed, patience=process.patience) for watch in watches
        ]
        reconciler = Reconciler(
            Parts(
                cache=self.cache,
                queue=self.queue,
                writer=Writer(api, may_write=lambda: self.lease.is_held),
                recorder=self._recorder,
                prober=self.prober,
                inquiries=self.inquiries,
                expectations=Expectations(cache=self.cache, progress=progress, clock=time.monotonic),
                refusals=self._refusals,
                obstacles=self.obstacles,
                holds=Holds(process.status_clock),
                metrics=metrics,
                settings=settings.core,
                plans=plans,
                clock=process.clock,
            )
        )
        self._workers = Workers(
            queue=self.queue, reconcile=reconciler.reconcile, metrics=metrics, count=settings.workers
        )

    def _retry(self, key: Ref, refs: tuple[Ref, ...]) -> None:
        self._refusals.lift(key, refs)
        self.queue.add(key)

    def stop(self) -> None:
        """Finishes what is at work, releases the lease, ends ``run``."""
        self._stopping.set()

    async def run(self) -> None:
        """Works until ``stop``."""
        server = await health.serve(self.pages(), address=self._settings.address, port=self._settings.port)
        loops = (*(reflector.run() for reflector in self._reflectors), self._recorder.run())
        tasks = [asyncio.create_task(loop) for loop in loops]
        work = asyncio.create_task(self._lead())
        try:
            await self._first_of(work, *tasks)
            await self._finish(work)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.prober.close()
            await self.inquiries.close()
            await self.obstacles.close()
            server.close()
            await self._api.close()

    async def _first_of(self, *tasks: asyncio.Task[None]) -> None:
        """Waits for ``stop``; a task that ends before has met a bug, and its exception ends the operator."""
        stopping = asyncio.create_task(self._stopping.wait())
        ended, _ = await asyncio.wait((stopping, *tasks), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        for task in ended - {stopping}:
            self._failed = "A loop has ended"
            await task

    async def _finish(self, work: asyncio.Task[None]) -> None:
        log.info("Operator was asked to stop")
        self._workers.stop()
        await asyncio.wait((work,), timeout=_FINISH if self.lease.is_held else 0.0)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await self._recorder.drain(at_most=_LAST_EVENTS)
        await self.lease.release()

    async def _lead(self) -> None:
        while not self._stopping.is_set():
            await self.feed.synced.wait()
            log.info("Caches were synced", objects=len(self.cache))
            await self.lease.acquire()
            self._metrics.leads.set(1)
            await self._work_while_leading()
            self._metrics.leads.set(0)

    async def _work_while_leading(self) -> None:
        work, held = asyncio.create_task(self._workers.run()), asyncio.create_task(self.lease.hold())
        try:
            ended, _ = await asyncio.wait((work, held), return_when=asyncio.FIRST_COMPLETED)
        finally:
            work.cancel()
            held.cancel()
            await asyncio.gather(work, held, return_exceptions=True)
            self.inquiries.clear()
            self.obstacles.clear()
            self.prober.clear()  # what a gateway answered counts as long as nobody else may change its routes
        for task in ended:
            task.result()

    def pages(self) -> health.Pages:
        """What is served for the kubelet and Prometheus."""
        return {
            "/healthz": lambda: health.problems_answer([self._failed] if self._failed else []),
            "/readyz": lambda: health.problems_answer([f"not synced: {watch}" for watch in self.feed.unsynced]),
            "/metrics": self._figures,
        }

    def _figures(self) -> health.Answer:
        return health.Answer(200, self._metrics.exposition(), "text/plain; version=0.0.4; charset=utf-8")


def _share(workers: int) -> int:
    """How many of the workers one namespace may occupy: all but a quarter, which are for the others."""
    return workers - workers // 4
