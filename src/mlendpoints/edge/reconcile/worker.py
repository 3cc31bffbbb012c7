"""Workers: take keys from the queue and reconcile them; failed keys are requeued with back-off.

Yields to the event loop after each key: a reconcile that writes nothing never
waits, and a thousand of them in a row would block watches, probes and the lease.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, cast

import structlog

from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.errors import ApiError, ConflictError, NotFoundError, RejectedError, TooManyRequestsError
from mlendpoints.edge.metrics import Metrics
from mlendpoints.edge.reconcile.queue import Queue
from mlendpoints.edge.reconcile.stopwatch import Stopwatch

_UNEXPECTED_REJECTION = 30.0  # seconds: retrying will hardly help

log = structlog.get_logger()

Reconcile = Callable[[Ref], Coroutine[Any, Any, None]]


class StaleCacheError(Exception):
    """The cache is older than the key's last writes, so nothing was done. Neither a success nor a failure."""

    def __init__(self, requeue_after: float) -> None:
        super().__init__(f"requeued after {requeue_after} s")
        self.requeue_after = requeue_after


class Workers:
    """Reconciles ``count`` keys at a time until it is stopped."""

    def __init__(self, *, queue: Queue, reconcile: Reconcile, metrics: Metrics, count: int) -> None:
        self._queue = queue
        self._reconcile = reconcile
        self._metrics = metrics
        self._count = count
        self._stopping = False
        self._idle: set[asyncio.Task[None]] = set()
        metrics.depth.set_function(lambda: len(queue))  # at each scrape: it grows while all workers wait

    async def run(self) -> None:
        """Runs until ``stop``, then finishes the in-flight reconciles."""
        self._stopping = False
        async with asyncio.TaskGroup() as group:
            for _ in range(self._count):
                task = group.create_task(self._work())
                self._idle.add(task)

    def stop(self) -> None:
        """Takes no further keys."""
        self._stopping = True
        for task in self._idle:
            task.cancel()

    async def _work(self) -> None:
        this = cast("asyncio.Task[None]", asyncio.current_task())
        while not self._stopping:
            self._idle.add(this)
            try:
                key = await self._queue.get()
            finally:
                self._idle.discard(this)
            await self._do(key)
            await asyncio.sleep(0)

    async def _do(self, key: Ref) -> None:
        begun, reconcile = time.perf_counter(), Stopwatch(self._reconcile(key))
        try:
            result = await self._try(key, reconcile)
        except asyncio.CancelledError:
            self._queue.add(key)  # the lease was lost; once it is held again, nothing else would requeue the key
            raise
        finally:
            if self._queue.done(key, used=reconcile.seconds):
                self._metrics.throttled.labels(key.namespace).inc()
        self._metrics.seconds.observe(time.perf_counter() - begun)
        self._metrics.reconciles.labels(result).inc()

    async def _try(self, key: Ref, reconcile: Stopwatch[None]) -> str:
        try:
            await reconcile
        except StaleCacheError as error:
            self._queue.add_after(key, error.requeue_after)
            return "waiting"
        except (ConflictError, NotFoundError) as error:
            delay = self._queue.retry(key)
            log.debug(
                "Reconcile conflict; requeuing",
                kind=key.kind,
                namespace=key.namespace,
                name=key.name,
                retry_after_seconds=delay,
                error=str(error),
            )
            return "conflict"
        except ApiError as error:
            delay = self._queue.retry(key, at_least=_least_delay(error))
            log.warning(
                "Reconcile failed; requeuing",
                kind=key.kind,
                namespace=key.namespace,
                name=key.name,
                retry_after_seconds=delay,
                error=str(error),
            )
            return "error"
        except Exception:  # one endpoint's bug must not stop the others
            delay = self._queue.retry(key)
            log.exception(
                "Unexpected error in reconcile; requeuing",
                kind=key.kind,
                namespace=key.namespace,
                name=key.name,
                retry_after_seconds=delay,
            )
            return "bug"
        self._queue.succeed(key)
        return "success"


def _least_delay(error: ApiError) -> float:
    match error:
        case TooManyRequestsError(retry_after=seconds):
            return seconds
        case RejectedError():
            return _UNEXPECTED_REJECTION
        case _:
            return 0.0
