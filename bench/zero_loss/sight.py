"""What a watcher sees of one namespace, with the time at which it was seen."""

import asyncio
import time
from collections.abc import Callable, Iterable

import msgspec
from msgspec import Struct

from mlendpoints.api import labels
from mlendpoints.api.endpoint import Endpoint, EndpointStatus
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.meta import Condition
from mlendpoints.api.model import Model
from mlendpoints.edge.kube import kinds
from tests.kit.client import Client, Event

TIMEOUT = 180.0  # seconds


class Moment(Struct, frozen=True):
    """A status as it was first seen; seconds of the monotonic clock."""

    at: float
    status: EndpointStatus


class Pod(Struct):
    """One model pod's life; 0.0: not yet."""

    name: str
    instance: str
    seen: float
    running: bool = False  # its model's container has been started
    ready: float = 0.0
    leaving: float = 0.0
    gone: float = 0.0


class _Meta(Struct, frozen=True, rename="camel"):
    name: str
    labels: dict[str, str] = {}
    deletion_timestamp: str | None = None


class _State(Struct, frozen=True):
    running: dict[str, str] | None = None


class _Container(Struct, frozen=True):
    name: str
    state: _State = _State()


class _Condition(Struct, frozen=True):
    type: str
    status: str


class _PodStatus(Struct, frozen=True, rename="camel"):
    conditions: list[_Condition] = []
    container_statuses: list[_Container] = []


class _Pod(Struct, frozen=True):
    metadata: _Meta
    status: _PodStatus = _PodStatus()


class Sight:
    """Endpoint, templates and pods of one namespace as they are, and as they were."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._changed = asyncio.Event()
        self.endpoint: Endpoint | None = None
        self.moments: list[Moment] = []
        self.templates: dict[tuple[str, str], EndpointConfig | Model] = {}
        self.pods: dict[str, Pod] = {}

    async def follow(self, client: Client) -> None:
        """Watches until it is cancelled."""
        see = {
            kinds.ENDPOINT: self._see_endpoint,
            kinds.CONFIG: self._see_config,
            kinds.MODEL: self._see_model,
            kinds.POD: self._see_pod,
        }
        async with asyncio.TaskGroup() as group:
            for kind, into in see.items():
                group.create_task(self._follow(client, kind.path(self._namespace), into))

    async def until(self, holds: Callable[[], object], what: str, *, patience: float = TIMEOUT) -> None:
        """Looks again whenever something has changed; raises ``TimeoutError``."""
        try:
            async with asyncio.timeout(patience):
                while not holds():
                    await self._changed.wait()
        except TimeoutError as error:
            status = self.moments[-1].status if self.moments else None
            raise TimeoutError(f"waited {patience:.0f} s in vain until {what}; last seen: {status}") from error

    async def _follow(self, client: Client, path: str, see: Callable[[Event, float], None]) -> None:
        async for event in client.follow(path):
            see(event, time.monotonic())
            self._changed.set()
            self._changed = asyncio.Event()

    def _see_endpoint(self, event: Event, now: float) -> None:
        endpoint = msgspec.json.decode(event.object, type=Endpoint)
        self.endpoint = None if event.type == "DELETED" else endpoint
        self.moments.append(Moment(now, endpoint.status))

    def _see_config(self, event: Event, _: float) -> None:
        config = msgspec.json.decode(event.object, type=EndpointConfig)
        self.templates[kinds.CONFIG.name, config.metadata.name] = config

    def _see_model(self, event: Event, _: float) -> None:
        model = msgspec.json.decode(event.object, type=Model)
        self.templates[kinds.MODEL.name, model.metadata.name] = model

    def _see_pod(self, event: Event, now: float) -> None:
        found = msgspec.json.decode(event.object, type=_Pod)
        name = found.metadata.name
        pod = self.pods.setdefault(name, Pod(name, found.metadata.labels.get(labels.INSTANCE, ""), now))
        pod.running |= any(c.name == "model" and c.state.running for c in found.status.container_statuses)
        if not pod.ready and condition_of(found.status.conditions, "Ready") == "True":
            pod.ready = now
        if not pod.leaving and found.metadata.deletion_timestamp:
            pod.leaving = now
        if event.type == "DELETED":
            pod.gone = now


def condition_of(conditions: Iterable[Condition | _Condition], kind: str) -> str:
    """Status of the condition of that type; empty when it is not there."""
    return next((condition.status for condition in conditions if condition.type == kind), "")
