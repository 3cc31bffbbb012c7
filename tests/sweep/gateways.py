"""In place of istiod and two gateway pods: each takes over routes and ready pods a little later than they are stored.

Every answer is noted with the revision of the routes that gave it, so that it
can be told afterwards what had been proven when.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import msgspec
from msgspec import Struct

from bench.client import Client, Object
from bench.gateway import VirtualService, answer, make_service, make_slice, own_address
from mlendpoints.api.labels import PING_PATH
from mlendpoints.core.world import Ref
from mlendpoints.edge import kinds
from tests.sweep.store import Change, Record, Store

LAGS = {"gateway-a": 0.01, "gateway-b": 0.04}  # seconds; a name for each pod
_NAME = "gateway"
_PROBED = frozenset({kinds.VIRTUAL_SERVICE.name, kinds.SLICE.name})


class Answer(Struct, frozen=True):
    """What a gateway pod said, and by which revision of the host's routes (or of their absence)."""

    pod: str
    path: str
    status: int
    revision: int
    at: float  # event loop's clock


class Host(Struct):
    """What one gateway pod knows of one host."""

    namespace: str
    revision: int = 0
    routes: VirtualService | None = None


class GatewayPod:
    """One pod; what it knows comes ``lag`` seconds late."""

    def __init__(self, name: str, lag: float) -> None:
        self.name = name
        self.lag = lag
        self.answers: dict[str, list[Answer]] = {}  # by namespace
        self._hosts: dict[str, Host] = {}
        self._ready: set[Ref] = set()

    def take(self, _record: Record, change: Change) -> None:
        if change.ref.kind in _PROBED:
            asyncio.get_running_loop().call_later(self.lag, self._learn, change)

    def forget(self, namespace: str) -> list[Answer]:
        """Its answers in a namespace that is not asked for any more."""
        self._hosts = {name: host for name, host in self._hosts.items() if host.namespace != namespace}
        self._ready = {ref for ref in self._ready if ref.namespace != namespace}
        return self.answers.pop(namespace, [])

    def _learn(self, change: Change) -> None:
        if change.ref.kind == kinds.SLICE.name:
            (self._ready.add if _is_ready(change) else self._ready.discard)(change.ref)
            return
        routes = msgspec.convert(change.object, VirtualService)
        for name in routes.spec.hosts:
            gone = change.type == "DELETED"
            self._hosts[name] = Host(change.ref.namespace, change.revision, None if gone else routes)

    def decide(self, name: str, path: str) -> tuple[int, str]:
        """Status and body, which are noted."""
        host = self._hosts.get(name)
        status, body = self._decide(path, host)
        if host is not None:
            noted = self.answers.setdefault(host.namespace, [])
            noted.append(Answer(self.name, path, status, host.revision, time.monotonic()))
        return status, body

    def _decide(self, path: str, host: Host | None) -> tuple[int, str]:
        """As Envoy would: 503 for a destination that it does not know or that has nobody ready."""
        answer = host.routes.answers.get(path) if host and host.routes else None
        if host is None or answer is None:
            return 404, ""
        instance = path.removeprefix(PING_PATH)
        if instance != path and Ref(kinds.SLICE.name, host.namespace, instance) not in self._ready:
            return 503, "no healthy upstream"
        return answer.status, answer.body.string


class Gateways(Struct):
    """The whole fleet."""

    namespace: str
    pods: list[GatewayPod]

    @property
    def service(self) -> str:
        """As the operator's setting names it."""
        return f"{self.namespace}/{_NAME}"

    def answers(self, namespace: str) -> list[Answer]:
        """All answers in one namespace, in order."""
        found = [answer for pod in self.pods for answer in pod.answers.get(namespace, [])]
        return sorted(found, key=lambda answer: answer.at)

    def forget(self, namespace: str) -> None:
        for pod in self.pods:
            pod.forget(namespace)


@asynccontextmanager
async def serving(client: Client, store: Store, lags: Mapping[str, float]) -> AsyncIterator[Gateways]:
    """Gateway pods that listen, and their Service and slices in a namespace of their own."""
    gateways = Gateways(f"gateways-{uuid.uuid4().hex[:8]}", [GatewayPod(*pod) for pod in lags.items()])
    await client.create("/api/v1/namespaces", {"metadata": {"name": gateways.namespace}})
    await client.create(kinds.SERVICE.path(gateways.namespace), make_service())
    async with AsyncExitStack() as servers:
        for pod in gateways.pods:
            server = await asyncio.start_server(partial(answer, pod.decide), own_address(), 0, backlog=1024)
            await servers.enter_async_context(server)
            store.listen(pod.take)
            manifest = _slice_of(pod, *server.sockets[0].getsockname())
            await client.create(kinds.SLICE.path(gateways.namespace), manifest)
        yield gateways


def _slice_of(pod: GatewayPod, address: str, port: int) -> Object:
    manifest = make_slice(address, port)
    (endpoint, *_) = manifest["endpoints"]
    manifest["metadata"]["name"] = pod.name
    manifest["endpoints"] = [endpoint | {"targetRef": {"kind": "Pod", "name": pod.name}}]
    return manifest


def _is_ready(change: Change) -> bool:
    return change.type != "DELETED" and bool(change.object["endpoints"])
