"""The operator: an engine that writes while it is the leader (holds the lease), and pages for the kubelet."""

import asyncio

import structlog
from msgspec.structs import replace

from mlendpoints.core.world import Ref
from mlendpoints.edge import health
from mlendpoints.edge.engine import Engine, Process
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.lease import Lease
from mlendpoints.edge.metrics import Metrics
from mlendpoints.edge.reconcile.parts import Plans
from mlendpoints.edge.settings import Settings

_FINISH = 20.0  # seconds that in-flight reconciles may take on a clean shutdown
_LAST_EVENTS = 2.0  # seconds that posting their events may take

log = structlog.get_logger()


class Operator:
    """Reconciles a cluster's endpoints until it is stopped."""

    def __init__(self, *, settings: Settings, plans: Plans, process: Process, api: Api, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._stopping = asyncio.Event()
        self._failed = ""
        lease = Ref(kinds.LEASE.name, settings.lease_namespace, settings.lease_name)
        self.lease = Lease(api=api, ref=lease, identity=process.identity, times=process.lease_times)
        self.engine = Engine(
            api=api,
            settings=settings,
            plans=plans,
            process=replace(process, may_write=lambda: self.lease.is_held),
            metrics=metrics,
        )

    def stop(self) -> None:
        """Requests a shutdown: in-flight reconciles finish, the lease is released, ``run`` returns."""
        self._stopping.set()

    async def run(self) -> None:
        """Runs until ``stop``."""
        server = await health.serve(self.pages(), address=self._settings.address, port=self._settings.port)
        self.engine.start()
        failure, work = asyncio.create_task(self.engine.failure()), asyncio.create_task(self._lead())
        try:
            await self._first_of(work, failure)
            await self._finish(work)
        finally:
            failure.cancel()
            await asyncio.gather(failure, return_exceptions=True)
            server.close()
            await self.engine.close()

    async def _first_of(self, *tasks: asyncio.Task[None]) -> None:
        """Waits for ``stop``. A task that ends earlier has hit a bug: its exception terminates the operator."""
        stopping = asyncio.create_task(self._stopping.wait())
        ended, _ = await asyncio.wait((stopping, *tasks), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        for task in ended - {stopping}:
            self._failed = "A background loop has ended"
            await task

    async def _finish(self, work: asyncio.Task[None]) -> None:
        log.info("Shutdown requested; waiting for in-flight reconciles")
        self.engine.finish()
        await asyncio.wait((work,), timeout=_FINISH if self.lease.is_held else 0.0)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await self.engine.drain(at_most=_LAST_EVENTS)
        await self.lease.release()

    async def _lead(self) -> None:
        while not self._stopping.is_set():
            await self.engine.synced()
            log.info("Caches synced", objects=len(self.engine.cache))
            await self.lease.acquire()
            self._metrics.leads.set(1)
            await self._work_while_leading()
            self._metrics.leads.set(0)

    async def _work_while_leading(self) -> None:
        work, renewal = asyncio.create_task(self.engine.work()), asyncio.create_task(self.lease.hold())
        try:
            ended, _ = await asyncio.wait((work, renewal), return_when=asyncio.FIRST_COMPLETED)
        finally:
            work.cancel()
            renewal.cancel()
            await asyncio.gather(work, renewal, return_exceptions=True)
        for task in ended:
            task.result()

    def pages(self) -> health.Pages:
        """The pages for the kubelet and Prometheus."""
        return {
            "/healthz": lambda: health.problems_answer([self._failed] if self._failed else []),
            "/readyz": lambda: health.problems_answer([f"not synced: {watch}" for watch in self.engine.feed.unsynced]),
            "/metrics": self._figures,
        }

    def _figures(self) -> health.Answer:
        return health.Answer(200, self._metrics.exposition, "text/plain; version=0.0.4; charset=utf-8")
