"""What a display follows: objects as they change, the operator's Lease, events, metrics of pods. Reads only.

Others decide what these responses contain: each is limited in size and in time.
"""

from collections.abc import AsyncGenerator

from aiohttp import ClientError as HttpError
from aiohttp import ClientTimeout
from msgspec import Struct

from mlendpoints.api.monitoring import METRICS_PATH, METRICS_PORT
from mlendpoints.client.connection import Connection
from mlendpoints.client.errors import ClientError, ForbiddenError, NotFoundError, NotInstalledError, UnreachableError
from mlendpoints.client.installed import find_operator, find_operators
from mlendpoints.client.kinds import ALL
from mlendpoints.client.leases import LeaseFacts, read_lease
from mlendpoints.client.objects import T
from mlendpoints.client.observing import Observation, observe
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.decoding import UNREADABLE, read
from mlendpoints.edge.kube.kinds import KINDS, KUBELET_EVENT, POD, Watch

_LARGEST = 1 << 20  # bytes of a page of events, and of a pod's metrics
_MOST_EVENTS = 500
_SECONDS = 10.0  # for the metrics of one pod


class EventFacts(Struct, frozen=True, kw_only=True):
    """One event of an object."""

    type: str = ""
    reason: str = ""
    message: str = ""
    at: str = ""
    count: int = 1


class _Metadata(Struct, frozen=True, rename="camel"):
    creation_timestamp: str = ""


class _Event(Struct, frozen=True, rename="camel"):
    metadata: _Metadata = _Metadata()
    type: str | None = ""
    reason: str | None = ""
    message: str | None = ""
    count: int | None = 1
    last_timestamp: str | None = None
    event_time: str | None = None


class Live:
    """What changes by itself in a cluster."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.context = connection.config.context_name or ""

    def observe(self, type_: type[T], *, namespace: str) -> AsyncGenerator[Observation[T]]:
        """All objects of a kind in a namespace, or in all (``"*"``), now and after every change.

        Raises a ``ClientError``; an API server that has responded before may be away for a minute.
        """
        watch = Watch(kind=KINDS[type_.KIND], namespace="" if namespace == ALL else namespace)
        return observe(self._connection, type_, watch)

    async def leases(self, *, namespace: str) -> tuple[LeaseFacts, ...]:
        """The Lease of the operator that serves a namespace, or those of all operators (``"*"``)."""
        if namespace != ALL:
            return (await read_lease(self._connection, await find_operator(self._connection, namespace)),)
        found = await find_operators(self._connection)
        if not found:
            raise NotInstalledError("No operator is installed. `mlendpoints doctor` says what is missing.")
        return tuple([await read_lease(self._connection, each) for each in found])

    async def events(self, ref: Ref) -> tuple[EventFacts, ...]:
        """The events of an object, the newest first."""
        selector = f"involvedObject.kind={ref.kind},involvedObject.name={ref.name}"
        watch = Watch(kind=KUBELET_EVENT, namespace=ref.namespace, field_selector=selector)
        with self._connection.translating(Ref("Event", ref.namespace, "")):
            page = await self._connection.api.list_first(watch, limit=_MOST_EVENTS, at_most=_LARGEST)
        found: list[EventFacts] = []
        for item in page.items:
            try:
                found.append(_facts(read(item, _Event)))
            except UNREADABLE:
                continue
        return tuple(sorted(found, key=lambda event: event.at, reverse=True))

    async def metrics(self, pod: Ref) -> str:
        """The metrics of a model's pod, through the API server: needs the right to get ``pods/proxy``."""
        path = POD.path(pod.namespace, f"{pod.name}:{METRICS_PORT}", "proxy").removeprefix("/") + METRICS_PATH
        try:
            async with self._connection.session.get(
                path,
                headers={"Accept": "*/*"},
                allow_redirects=False,  # whoever answers in the pod would choose where to
                auto_decompress=False,
                timeout=ClientTimeout(total=_SECONDS),
            ) as response:
                content = bytearray()
                async for chunk in response.content.iter_any():
                    content += chunk
                    if len(content) > _LARGEST:
                        raise UnreachableError(f"The metrics of pod {pod.name} have more than {_LARGEST} bytes.")
                return _checked(response.status, content, pod)
        except (HttpError, OSError) as error:
            raise UnreachableError(f"The metrics of pod {pod.name} cannot be read: {type(error).__name__}.") from None


def _checked(status: int, content: bytearray, pod: Ref) -> str:
    match status:
        case 200:
            return content.decode(errors="replace")
        case 401 | 403:
            raise ForbiddenError(
                f"You may not read metrics of pods in the namespace {pod.namespace}. Ask an administrator for the"
                " right to get pods/proxy there."
            )
        case 404:
            raise NotFoundError(f"Pod {pod.name} has no metrics.")
        case _:
            raise ClientError(f"The metrics of pod {pod.name} cannot be read: the response is {status}.")


def _facts(event: _Event) -> EventFacts:
    return EventFacts(
        type=event.type or "",
        reason=event.reason or "",
        message=event.message or "",
        at=event.last_timestamp or event.event_time or event.metadata.creation_timestamp,
        count=event.count or 1,
    )
