"""Polls whether the cause of a rejected write still exists, where no watch shows it.

A foreign object does not have our label, and free quota cannot be watched. Such
writes are retried with increasing back-off; meanwhile the metadata of the
foreign object is requested by name, and what a quota rejected is retried. Every
``PAUSE`` seconds for each key, while the rejection lasts. Rate-limited: one key
of each namespace at a time, so that many rejections in a namespace delay no other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from msgspec import Struct

from mlendpoints.api.reasons import Reason
from mlendpoints.core.world import Ref, Rejection
from mlendpoints.edge.fairness import Slots
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.errors import ApiError, NotFoundError

PAUSE = 2.0  # seconds between two polls for one key
PACE = 0.2  # seconds that a poll takes at least: five per second in one namespace
AT_ONCE = 4  # concurrent polls: twenty per second in the cluster
MOST = 4  # objects per poll
_TIMEOUT = 5.0

log = structlog.get_logger()

ObjectExists = Callable[[Ref], Awaitable[bool]]


class _Round(Struct):
    """The rejected writes of one key, and the task that polls."""

    task: asyncio.Task[None]
    rejected: Mapping[Ref, Rejection]


class Obstacles:
    """Polls; calls ``retry`` with a key and the objects whose writes may succeed now."""

    def __init__(self, object_exists: ObjectExists, retry: Callable[[Ref, tuple[Ref, ...]], None]) -> None:
        self._object_exists = object_exists
        self._retry = retry
        self._rounds: dict[Ref, _Round] = {}
        self._slots = Slots(total=AT_ONCE, each=1)

    def want(self, key: Ref, rejected: Mapping[Ref, Rejection]) -> None:
        """From now on polls for exactly these rejected writes of ``key``."""
        rejected = dict([item for item in sorted(rejected.items()) if item[1].reason in _POLLED][:MOST])
        known = self._rounds.get(key)
        if known is not None and rejected:
            known.rejected = rejected
        elif rejected:
            self._rounds[key] = _Round(asyncio.create_task(self._poll(key)), rejected)
        else:
            self.forget(key)

    def forget(self, key: Ref) -> None:
        """Stops polling for ``key``."""
        current = self._rounds.pop(key, None)
        if current is not None:
            current.task.cancel()

    def clear(self) -> None:
        """Stops all polling until a key wants something again."""
        for key in list(self._rounds):
            self.forget(key)

    async def close(self) -> None:
        """Stops all polling and waits until the last request has ended."""
        tasks = [current.task for current in self._rounds.values()]
        self.clear()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _poll(self, key: Ref) -> None:
        while True:
            await asyncio.sleep(PAUSE)
            async with self._slots.one(key.namespace):
                found, _ = await asyncio.gather(self._removed(self._rounds[key].rejected), asyncio.sleep(PACE))
            if found:
                self._retry(key, found)

    async def _removed(self, rejected: Mapping[Ref, Rejection]) -> tuple[Ref, ...]:
        return tuple([ref for ref, rejection in rejected.items() if await self._may_be_removed(ref, rejection)])

    async def _may_be_removed(self, ref: Ref, rejection: Rejection) -> bool:
        """Whether the write may succeed now. With a quota only the write itself shows that."""
        if rejection.reason != Reason.NOT_OWNED:
            return True
        try:
            async with asyncio.timeout(_TIMEOUT):
                return not await self._object_exists(ref)
        except (ApiError, TimeoutError) as error:
            log.debug(
                "Failed to check the cause of a rejection; retrying",
                namespace=ref.namespace,
                name=ref.name,
                error=repr(error),
            )
            return False


_POLLED = frozenset({Reason.NOT_OWNED, Reason.QUOTA_EXCEEDED})


async def object_exists(api: Api, ref: Ref) -> bool:
    """Whether an object of this name exists, regardless of its owner; raises ``ApiError``."""
    try:
        await api.get_metadata(ref)
    except NotFoundError:
        return False
    return True
