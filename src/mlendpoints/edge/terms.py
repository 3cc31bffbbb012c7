"""Reconciles single keys under the operator's lease, which is held only while there is something to do.

For processes that act where no operator leads. Between two terms the engine
goes on observing and probing; what gateways have answered counts in the next
term only if no other process has had the lease since.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from mlendpoints.core.plan import MLModelPlan, Plan, SetStatus
from mlendpoints.core.world import Ref
from mlendpoints.edge.engine import Engine
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.errors import ConflictError, NotFoundError, UnavailableError
from mlendpoints.edge.lease import Lease

_LAST_EVENTS = 2.0  # seconds that posting events may take


class Terms:
    """Terms of one process; ``written`` counts the writes that the engine has sent."""

    def __init__(self, *, engine: Engine, lease: Lease, written: Callable[[], int]) -> None:
        self._engine = engine
        self._lease = lease
        self._written = written
        self._transitions: int | None = None

    async def reconcile(self, keys: Iterable[Ref]) -> None:
        """One term: reconciles these keys until each has to wait for something. Raises ``ApiError``."""
        async with self._term():
            for key in keys:
                await self._settle(key)
        await self._engine.drain(at_most=_LAST_EVENTS)

    async def reconcile_until(self, ended: Callable[[], bool], keys: tuple[Ref, ...]) -> None:
        """Further terms, whenever one of the keys has something to do, until ``ended``."""
        while not ended():
            key = await self._engine.queue.get()
            self._engine.queue.done(key)
            if key in keys and self._is_due(key):
                await self.reconcile((key,))

    @asynccontextmanager
    async def _term(self) -> AsyncIterator[None]:
        await self._lease.acquire()
        renewal = asyncio.create_task(self._lease.hold())
        try:
            if self._transitions is not None and self._lease.transitions != self._transitions + 1:
                self._engine.pollers.clear()  # another process may have changed the routes since
            self._transitions = self._lease.transitions
            yield
        finally:
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)
            await self._lease.release()

    async def _settle(self, key: Ref) -> None:
        """Until a reconcile writes nothing. After a conflict or an outage the key is requeued, as by a worker."""
        while True:
            before = self._written()
            try:
                await self._engine.reconcile(key)
            except (ConflictError, NotFoundError, UnavailableError):
                self._engine.queue.retry(key)
                return
            if self._written() == before:
                self._engine.queue.succeed(key)
                return

    def _is_due(self, key: Ref) -> bool:
        if key.kind not in kinds.ROOTS:
            return True
        plan = self._engine.plan(key)
        return plan is not None and _has_work(plan)


def _has_work(plan: Plan | MLModelPlan) -> bool:
    """Whether there is anything but details of statuses, which the next term writes as well."""
    writes = any(not isinstance(write, SetStatus) for write in plan.writes)
    finalizer = isinstance(plan, Plan) and plan.finalizer is not None
    return writes or bool(plan.prune) or finalizer or (plan.status is not None and not plan.deferrable)
