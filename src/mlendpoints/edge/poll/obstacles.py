"""Looks whether what a rejected write met is still there, where no watch of ours shows that.

A stranger's object bears no label of ours, and a quota's room is nobody's to
watch. Such a write is retried ever more seldom; meanwhile the stranger is
looked for by name, its metadata alone, and what a quota rejected is retried. Only
as long as the obstacle exists, once in ``PAUSE`` seconds for a key. In each
namespace one key at a time, so that one with many obstacles waits for itself.
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

PAUSE = 2.0  # seconds between two looks for one key
PACE = 0.2  # seconds that a look takes at least: in one namespace, five a second
AT_ONCE = 4  # looks in the cluster: twenty a second
MOST = 4  # objects that one look is about
_TIMEOUT = 5.0

log = structlog.get_logger()

ObjectExists = Callable[[Ref], Awaitable[bool]]


class _Round(Struct):
    """What was rejected for one key, and who looks after it."""

    task: asyncio.Task[None]
    rejected: Mapping[Ref, Rejection]


class Obstacles:
    """Looks; calls ``retry`` with a key and the objects whose writes may be taken now."""

    def __init__(self, object_exists: ObjectExists, retry: Callable[[Ref, tuple[Ref, ...]], None]) -> None:
        self._object_exists = object_exists
        self._retry = retry
        self._rounds: dict[Ref, _Round] = {}
        self._slots = Slots(total=AT_ONCE, each=1)

    def want(self, key: Ref, rejected: Mapping[Ref, Rejection]) -> None:
        """From now on looks after exactly these rejected writes of ``key``."""
        rejected = dict([item for item in sorted(rejected.items()) if item[1].reason in _POLLED][:MOST])
        known = self._rounds.get(key)
        if known is not None and rejected:
            known.rejected = rejected
        elif rejected:
            self._rounds[key] = _Round(asyncio.create_task(self._poll(key)), rejected)
        else:
            self.forget(key)

    def forget(self, key: Ref) -> None:
        """Looks after nothing of ``key``."""
        current = self._rounds.pop(key, None)
        if current is not None:
            current.task.cancel()

    def clear(self) -> None:
        """Looks after nothing at all, until something is wanted again."""
        for key in list(self._rounds):
            self.forget(key)

    async def close(self) -> None:
        """Looks after nothing at all, and waits until the last look has ended."""
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
        """A quota does not tell: the write itself has to."""
        if rejection.reason != Reason.NOT_OWNED:
            return True
        try:
            async with asyncio.timeout(_TIMEOUT):
                return not await self._object_exists(ref)
        except (ApiError, TimeoutError) as error:
            log.debug(
                "Failed to look for an obstacle; retrying", namespace=ref.namespace, name=ref.name, error=repr(error)
            )
            return False


_POLLED = frozenset({Reason.NOT_OWNED, Reason.QUOTA_EXCEEDED})


async def object_exists(api: Api, ref: Ref) -> bool:
    """Whether an object of this name exists, whoever has made it; raises ``ApiError``."""
    try:
        await api.get_metadata(ref)
    except NotFoundError:
        return False
    return True
