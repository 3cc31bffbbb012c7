"""Lists the events of pods that do not become ready and of Deployments whose pods are rejected (``core.lookups``).

Only while a plan wants them, only of our objects, with back-off: a pod that
starts normally is never looked up. Users may forge events in their namespace:
the result is text about that namespace's own pods, of bounded size and number.
Rate-limited for each namespace, so that one with many events or broken pods
delays no other.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress

import msgspec
import structlog
from msgspec import Struct, field

from mlendpoints.core.lookups import POD
from mlendpoints.core.world import Lookup, Ref, WarningEvent
from mlendpoints.edge.fairness import Slots
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.errors import ApiError
from mlendpoints.edge.kube.kinds import KUBELET_EVENT, Watch
from mlendpoints.edge.kube.metadata import epoch
from mlendpoints.edge.kube.responses import Page

FIRST_PAUSE = 5.0  # seconds that a pod may take to become ready before its events are listed
LAST_PAUSE = 60.0
PACE = 0.1  # seconds that one request takes at least
EVENTS = 100  # events listed for one pod
REJECTIONS = 200  # events listed for a namespace: the ReplicaSets of a Deployment are not known
MOST_BYTES = 256 * 1024  # of one list
_LONGEST = 1024  # characters of one message
_TIMEOUT = 5.0
_AT_ONCE = 4

log = structlog.get_logger()

Warnings = tuple[WarningEvent, ...]
ReadEvents = Callable[[Ref], Awaitable[Warnings]]


class _Round(Struct):
    """The lookups of one key, the warnings of each, and the task that polls."""

    task: asyncio.Task[None]
    lookups: tuple[Lookup, ...] = ()
    warnings: dict[Lookup, Warnings] = field(default_factory=dict)


class PodEvents:
    """Polls; calls ``wake`` with the key when its warnings have changed."""

    def __init__(self, read: ReadEvents, wake: Callable[[Ref], None]) -> None:
        self._read_events = read
        self._wake = wake
        self._rounds: dict[Ref, _Round] = {}
        self._slots = Slots(total=_AT_ONCE, each=1)

    def want(self, key: Ref, lookups: tuple[Lookup, ...]) -> None:
        """From now on lists the events of exactly these objects for ``key``."""
        known = self._rounds.get(key)
        if known is not None and not known.task.done() and set(lookups) <= set(known.lookups) and lookups:
            known.lookups = lookups
            return
        self.forget(key)
        if lookups:
            warnings = {each: words for each, words in known.warnings.items() if each in lookups} if known else {}
            self._rounds[key] = _Round(asyncio.create_task(self._poll(key)), lookups, warnings)

    def answers(self, key: Ref) -> Mapping[Lookup, Warnings]:
        """The latest warnings of each lookup of ``key``."""
        current = self._rounds.get(key)
        return current.warnings if current else {}

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
        """Stops all polling and waits until all requests have ended."""
        tasks = [current.task for current in self._rounds.values()]
        self.clear()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _poll(self, key: Ref) -> None:
        pause = FIRST_PAUSE
        while True:
            await asyncio.sleep(pause)
            pause = min(2.0 * pause, LAST_PAUSE)
            current = self._rounds[key]
            before = dict(current.warnings)
            for lookup in current.lookups:
                async with self._slots.one(key.namespace):
                    current.warnings[lookup] = await self._poll_one(lookup.ref, current.warnings.get(lookup, ()))
            if current.warnings != before:
                self._wake(key)

    async def _poll_one(self, ref: Ref, before: Warnings) -> Warnings:
        warnings, _ = await asyncio.gather(self._try(ref), asyncio.sleep(PACE))
        return before if warnings is None else warnings

    async def _try(self, ref: Ref) -> Warnings | None:
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await self._read_events(ref)
        except (ApiError, TimeoutError) as error:
            log.debug(
                "Failed to read events; retrying",
                kind=ref.kind,
                namespace=ref.namespace,
                name=ref.name,
                error=repr(error),
            )
            return None


class _Involved(Struct, frozen=True, rename="camel"):
    name: str = ""
    field_path: str = ""


class _Series(Struct, frozen=True, rename="camel"):
    last_observed_time: str | None = None


class _Event(Struct, frozen=True, rename="camel"):
    involved_object: _Involved = _Involved()
    reason: str = ""
    message: str = ""
    last_timestamp: str | None = None
    event_time: str | None = None
    series: _Series | None = None

    @property
    def time(self) -> str | None:
        return (self.series and self.series.last_observed_time) or self.last_timestamp or self.event_time


async def read_events(api: Api, ref: Ref) -> Warnings:
    """Warnings of a pod's probes and volumes, or the latest of a Deployment's rejected pods. Raises ``ApiError``."""
    return await (_of_pod(api, ref) if ref.kind == POD else _of_deployment(api, ref))


async def _of_pod(api: Api, pod: Ref) -> Warnings:
    selected = f"involvedObject.kind=Pod,involvedObject.name={pod.name},type=Warning"
    events = await _list(api, pod.namespace, selected, limit=EVENTS)
    return tuple(known for event, warning in events if (known := _warning(event, warning)))


def _warning(event: _Event, warning: WarningEvent) -> WarningEvent | None:
    """A failed probe of one container, or a failed mount of the pod; None for others, which the status covers."""
    container = _CONTAINER.fullmatch(event.involved_object.field_path)
    if event.reason == "Unhealthy" and container:
        return msgspec.structs.replace(warning, container=container.group(1))
    return warning if event.reason == "FailedMount" else None


async def _of_deployment(api: Api, deployment: Ref) -> Warnings:
    selected = "involvedObject.kind=ReplicaSet,reason=FailedCreate,type=Warning"
    of_it = re.compile(rf"{re.escape(deployment.name)}-[a-z0-9]{{1,10}}")  # pod-template-hash
    events = await _list(api, deployment.namespace, selected, limit=REJECTIONS)
    warnings = (warning for event, warning in events if of_it.fullmatch(event.involved_object.name))
    return tuple(sorted(warnings, key=lambda warning: warning.at)[-1:])


async def _list(api: Api, namespace: str, selected: str, *, limit: int) -> list[tuple[_Event, WarningEvent]]:
    """The events that can be decoded, each with its message and time."""
    watch = Watch(kind=KUBELET_EVENT, namespace=namespace, field_selector=selected)
    page = await api.list_first(watch, limit=limit, at_most=MOST_BYTES)
    return list(_decoded(page))


def _decoded(page: Page) -> Iterator[tuple[_Event, WarningEvent]]:
    for raw in page.items:
        with suppress(msgspec.MsgspecError, ValueError):
            event = msgspec.json.decode(raw, type=_Event)
            yield event, WarningEvent(message=event.message[:_LONGEST], at=epoch(event.time))


_CONTAINER = re.compile(r"spec\.(?:initContainers|containers)\{([a-z0-9-]{1,63})\}")
