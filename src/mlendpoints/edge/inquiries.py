"""Asks what kubelets say of the probes of pods that do not get ready: a probe's answer is told in events alone.

Only while a plan wants it, only pods of ours, seldom: a pod that starts as it
should is never asked about. Whoever may create events in a namespace can write
such ones: what comes back is words about that namespace's own pods, of bounded
size and number. Namespaces take turns, so that one with many events, or many
broken pods, holds up only itself.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from weakref import WeakValueDictionary

import msgspec
import structlog
from msgspec import Struct, field

from mlendpoints.core.world import Complaint, Ref
from mlendpoints.edge.client import Api, Page
from mlendpoints.edge.envelope import epoch
from mlendpoints.edge.errors import ApiError
from mlendpoints.edge.kinds import KUBELET_EVENT, Watch

FIRST_PAUSE = 5.0  # seconds that a pod may take to get ready before it is asked about
LAST_PAUSE = 60.0
PACE = 0.1  # seconds that one question takes at least
EVENTS = 50  # read of one pod
MOST_BYTES = 256 * 1024  # of them together
_LONGEST = 1024  # characters of one message
_TIMEOUT = 5.0
_AT_ONCE = 4

log = structlog.get_logger()

Said = tuple[Complaint, ...]
Ask = Callable[[Ref], Awaitable[Said]]


class _Inquiry(Struct):
    """The pods of one root, what was said of each, and who asks."""

    task: asyncio.Task[None]
    pods: tuple[str, ...] = ()
    said: dict[str, Said] = field(default_factory=dict)


class Inquiries:
    """Asks; calls ``wake`` with the key whenever something else is said."""

    def __init__(self, ask: Ask, wake: Callable[[Ref], None]) -> None:
        self._ask = ask
        self._wake = wake
        self._inquiries: dict[Ref, _Inquiry] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    def want(self, key: Ref, pods: tuple[str, ...]) -> None:
        """From now on asks about exactly these pods of ``key``."""
        known = self._inquiries.get(key)
        if known is not None and not known.task.done() and set(pods) <= set(known.pods) and pods:
            known.pods = pods
            return
        self.forget(key)
        if pods:
            said = {name: words for name, words in known.said.items() if name in pods} if known else {}
            self._inquiries[key] = _Inquiry(asyncio.create_task(self._insist(key)), pods, said)

    def answers(self, key: Ref) -> Mapping[str, Said]:
        """What was last said of each pod of ``key``."""
        inquiry = self._inquiries.get(key)
        return inquiry.said if inquiry else {}

    def forget(self, key: Ref) -> None:
        """Asks nothing more for ``key``."""
        inquiry = self._inquiries.pop(key, None)
        if inquiry is not None:
            inquiry.task.cancel()

    def clear(self) -> None:
        """Asks nothing more at all, until something is wanted again."""
        for key in list(self._inquiries):
            self.forget(key)

    async def close(self) -> None:
        """Asks nothing more at all, and waits until all questions have ended."""
        tasks = [inquiry.task for inquiry in self._inquiries.values()]
        self.clear()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _insist(self, key: Ref) -> None:
        pause = FIRST_PAUSE
        while True:
            await asyncio.sleep(pause)
            pause = min(2.0 * pause, LAST_PAUSE)
            inquiry = self._inquiries[key]
            before = dict(inquiry.said)
            turn = self._turns.setdefault(key.namespace, asyncio.Lock())
            for pod in inquiry.pods:
                async with turn, self._at_once:
                    inquiry.said[pod] = await self._one(Ref("Pod", key.namespace, pod), inquiry.said.get(pod, ()))
            if inquiry.said != before:
                self._wake(key)

    async def _one(self, pod: Ref, before: Said) -> Said:
        said, _ = await asyncio.gather(self._asked(pod), asyncio.sleep(PACE))
        return before if said is None else said

    async def _asked(self, pod: Ref) -> Said | None:
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await self._ask(pod)
        except (ApiError, TimeoutError) as error:
            log.debug("Events were not read", namespace=pod.namespace, name=pod.name, error=repr(error))
            return None


class _Involved(Struct, frozen=True, rename="camel"):
    field_path: str = ""


class _Series(Struct, frozen=True, rename="camel"):
    last_observed_time: str | None = None


class _Event(Struct, frozen=True, rename="camel"):
    involved_object: _Involved = _Involved()
    message: str = ""
    last_timestamp: str | None = None
    event_time: str | None = None
    series: _Series | None = None

    @property
    def time(self) -> str | None:
        return (self.series and self.series.last_observed_time) or self.last_timestamp or self.event_time


async def ask_events(api: Api, pod: Ref) -> Said:
    """What the events of one pod say of its probes; raises ``ApiError``."""
    selected = f"involvedObject.kind=Pod,involvedObject.name={pod.name},reason=Unhealthy,type=Warning"
    watch = Watch(kind=KUBELET_EVENT, namespace=pod.namespace, field_selector=selected)
    return tuple(_complaints(await api.glance(watch, limit=EVENTS, at_most=MOST_BYTES)))


def _complaints(page: Page) -> Iterator[Complaint]:
    for raw in page.items:
        with suppress(msgspec.MsgspecError, ValueError):
            event = msgspec.json.decode(raw, type=_Event)
            container = _CONTAINER.fullmatch(event.involved_object.field_path)
            if container:
                yield Complaint(container=container.group(1), message=event.message[:_LONGEST], at=epoch(event.time))


_CONTAINER = re.compile(r"spec\.(?:initContainers|containers)\{([a-z0-9-]{1,63})\}")
