"""Leader election by a ``coordination.k8s.io`` Lease, as in client-go: the leader writes, the others are hot standbys.

A leader that cannot renew its lease in time stops writing before another
process may acquire it: ``renew_within`` < ``duration``. Clocks of different
machines are never compared.
"""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
import structlog
from msgspec import Struct

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.world import Ref
from mlendpoints.edge.events import micro_time
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.errors import AlreadyExistsError, ApiError, ConflictError, NotFoundError
from mlendpoints.edge.kube.kinds import LEASE
from mlendpoints.edge.kube.responses import parse_response

log = structlog.get_logger()

T = TypeVar("T")


class LeaseTimes(Struct, frozen=True, kw_only=True):
    """Durations of leader election, in seconds."""

    duration: int = 15  # a lease that was not renewed for this long may be acquired by others
    renew_within: float = 12.0  # renew deadline; long enough for two requests in a row that take 5 s each
    renew_every: float = 5.0
    retry: float = 1.0


class _Spec(Struct, frozen=True, rename="camel"):
    holder_identity: str | None = ""
    lease_duration_seconds: int | None = 15
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = 0


class _Metadata(Struct, frozen=True, rename="camel"):
    resource_version: str = ""


class _Lease(Struct, frozen=True):
    metadata: _Metadata
    spec: _Spec = _Spec()


class Lease:
    """One candidate for one lease."""

    def __init__(self, *, api: Api, ref: Ref, identity: str, times: LeaseTimes | None = None) -> None:
        self._api = api
        self._ref = ref
        self._identity = identity
        self._times = times or LeaseTimes()
        self._renewed = float("-inf")  # when the last successful renewal was sent
        self._seen: tuple[str, float] = ("", 0.0)  # a version of another holder's lease, and when it was first observed
        self._own: _Lease | None = None  # as last written: a renewal needs no read

    @property
    def is_held(self) -> bool:
        """Whether this process is the leader and may write."""
        return _now() < self._renewed + self._times.renew_within

    @property
    def transitions(self) -> int:
        """How often the lease has changed hands, as this process wrote it last."""
        return (self._own.spec.lease_transitions or 0) if self._own else 0

    async def acquire(self) -> None:
        """Returns once this process is the leader."""
        while True:
            if await self._try():
                break
            await asyncio.sleep(2 * self._times.retry)
        log.info("Lease acquired", identity=self._identity)

    async def hold(self) -> None:
        """Renews until the lease is lost; then returns."""
        while self.is_held:
            renewed = await self._try()
            if not renewed and self._renewed == float("-inf"):
                break
            await asyncio.sleep(self._pause(renewed=renewed))
        log.warning("Lease lost", identity=self._identity)

    def _pause(self, *, renewed: bool) -> float:
        """Renewals are sent ``renew_every`` seconds apart, regardless of latency."""
        times, age = self._times, _now() - self._renewed
        return max(0.0, times.renew_every - age if renewed else min(times.retry, times.renew_within - age))

    async def release(self) -> None:
        """Releases the lease on a clean shutdown, so that the next leader need not wait for it to expire."""
        if not self.is_held:
            return
        self._renewed, self._own = float("-inf"), None
        try:
            lease = await self._read()
            if lease is not None and lease.spec.holder_identity == self._identity:
                await self._write(lease, holder="", duration=1)
                log.info("Lease released", identity=self._identity)
        except ApiError as error:
            log.warning("Failed to release the lease", error=str(error))

    async def _try(self) -> bool:
        try:
            return await self._take()
        except (ConflictError, AlreadyExistsError):
            return await self._try_again()
        except (ApiError, TimeoutError) as error:
            self._own = None
            log.warning("Failed to renew the lease; retrying", error=str(error))
            return False

    async def _try_again(self) -> bool:
        """Conflict: another process has written the lease. Reads it and retries once, immediately."""
        known, self._own = self._own, None
        return known is not None and await self._try()

    async def _take(self) -> bool:
        lease = self._own or await self._in_time(self._read())
        if lease is not None and not self._may_take(lease):
            self._renewed = float("-inf")
            return False
        sent = _now()
        self._own = await self._in_time(self._write(lease, holder=self._identity, duration=self._times.duration))
        self._renewed = sent
        return True

    async def _in_time(self, request: Awaitable[T]) -> T:
        """Limits each request separately: at high latency a read and a write together may take longer."""
        async with asyncio.timeout(self._times.renew_within):
            return await request

    def _may_take(self, lease: _Lease) -> bool:
        """Whether the lease is ours, released, or expired: unchanged for its duration by our own clock."""
        if lease.spec.holder_identity in ("", None, self._identity):
            return True
        if self._seen[0] != lease.metadata.resource_version:
            self._seen = (lease.metadata.resource_version, _now())
        return _now() >= self._seen[1] + (lease.spec.lease_duration_seconds or self._times.duration)

    async def _read(self) -> _Lease | None:
        try:
            return parse_response(await self._api.get(self._ref), _Lease)
        except NotFoundError:
            return None

    async def _write(self, before: _Lease | None, *, holder: str, duration: int) -> _Lease:
        spec = self._spec(before, holder=holder, duration=duration)
        metadata = {"namespace": self._ref.namespace, "name": self._ref.name}
        manifest: Manifest = {"apiVersion": LEASE.api_version, "kind": LEASE.name, "metadata": metadata}
        manifest["spec"] = msgspec.to_builtins(spec)
        if before is None:
            left = await self._api.create(LEASE, manifest)
        else:
            metadata["resourceVersion"] = before.metadata.resource_version
            left = await self._api.replace(self._ref, manifest)
        return _Lease(_Metadata(left.metadata.resource_version), spec)

    def _spec(self, before: _Lease | None, *, holder: str, duration: int) -> _Spec:
        spec, now = before.spec if before else _Spec(), micro_time(datetime.now(UTC))
        changes = spec.holder_identity != self._identity
        return _Spec(
            holder_identity=holder,
            lease_duration_seconds=duration,
            acquire_time=now if changes else spec.acquire_time,
            renew_time=now,
            lease_transitions=(spec.lease_transitions or 0) + (1 if changes and before else 0),
        )


def _now() -> float:
    return asyncio.get_running_loop().time()
