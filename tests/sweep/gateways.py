"""In place of istiod and two gateway pods: each takes over listeners, routes and ready pods a little late.

Every answer is noted with the listener that was asked and the revision of the routes
that gave it, so that it can be told afterwards what had been proven when.
"""

import asyncio
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct, field

from mlendpoints.api.labels import PING_PATH
from mlendpoints.core.endpoint.listeners import parse_listeners
from mlendpoints.core.routes import parse_routes
from mlendpoints.core.world import Listener, Ref
from mlendpoints.edge.kube import kinds
from tests.kit.certificates import self_signed
from tests.kit.client import Client, Object
from tests.kit.fake_gateway import VirtualService, answer, make_slice, own_address
from tests.sweep.store import Change, Record, Store

LAGS = {"gateway-a": 0.01, "gateway-b": 0.04}  # seconds; a name for each pod
PORTS = {80: "http2", 443: "https"}  # of the Service
_NAME = "gateway"
_KNOWN = frozenset({kinds.VIRTUAL_SERVICE.name, kinds.GATEWAY.name, kinds.SLICE.name})
_HTTPS = 443


class Answer(Struct, frozen=True):
    """What a gateway pod said at which of its listeners, by which revision of the routes (or of their absence)."""

    pod: str
    path: str
    status: int
    revision: int
    at: float  # event loop's clock
    port: int = 80


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
        self.died = float("inf")  # by the event loop's clock
        self.refuses = ""  # a model: routes that send callers to it are not taken over
        self.answers: dict[str, list[Answer]] = {}  # by namespace
        self._hosts: dict[str, Host] = {}
        self._listeners: dict[str, tuple[Listener, ...]] = {}  # by host
        self._ready: set[Ref] = set()

    def take(self, _record: Record, change: Change) -> None:
        if change.ref.kind in _KNOWN:
            asyncio.get_running_loop().call_later(self.lag, self._learn, change)

    def forget(self, namespace: str) -> list[Answer]:
        """Its answers in a namespace that is not asked for any more."""
        gone = {name for name, host in self._hosts.items() if host.namespace == namespace}
        self._hosts = {name: host for name, host in self._hosts.items() if name not in gone}
        self._listeners = {name: listeners for name, listeners in self._listeners.items() if name not in gone}
        self._ready = {ref for ref in self._ready if ref.namespace != namespace}
        return self.answers.pop(namespace, [])

    def _learn(self, change: Change) -> None:
        gone = change.type == "DELETED"
        match change.ref.kind:
            case kinds.SLICE.name:
                (self._ready.add if _is_ready(change) else self._ready.discard)(change.ref)
            case kinds.GATEWAY.name:
                for host in _hosts_of(change.object):
                    self._listeners[host] = () if gone else parse_listeners(change.object)
            case _ if not gone and self._is_refused(change.object):
                pass
            case _:
                routes = msgspec.convert(change.object, VirtualService)
                for name in routes.spec.hosts:
                    self._hosts[name] = Host(change.ref.namespace, change.revision, None if gone else routes)

    def _is_refused(self, manifest: Object) -> bool:
        routes = parse_routes(manifest)
        sent = routes.destinations if routes else ()
        return bool(self.refuses) and any(one.instance.startswith(f"{self.refuses}-") for one in sent)

    def credential(self, name: str) -> str:
        """The one of a host's HTTPS; empty if it has none."""
        return next((listener.credential for listener in self._listeners.get(name, ()) if listener.port == _HTTPS), "")

    def decide(self, port: int, name: str, path: str) -> tuple[int, str]:
        """Status and body, which are noted."""
        host = self._hosts.get(name)
        is_open = any(listener.port == port for listener in self._listeners.get(name, ()))
        status, body = self._decide(path, host if is_open else None)
        if host is not None:
            noted = self.answers.setdefault(host.namespace, [])
            noted.append(Answer(self.name, path, status, host.revision, time.monotonic(), port))
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

    async def serve(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection to one of its listeners; when its node is dead, nothing comes back."""
        if self.died <= time.monotonic():
            await reader.read()
            writer.close()
        else:
            await answer(partial(self.decide, port), reader, writer)


class Gateways(Struct):
    """The whole fleet, and the TLS credentials that lie in its namespace."""

    namespace: str
    pods: list[GatewayPod]
    credentials: set[str] = field(default_factory=set)

    @property
    def service(self) -> str:
        """As the operator's setting names it."""
        return f"{self.namespace}/{_NAME}"

    @property
    def died(self) -> dict[str, float]:
        """When each pod died; never, by most."""
        return {pod.name: pod.died for pod in self.pods}

    def answers(self, namespace: str) -> list[Answer]:
        """All answers in one namespace, in order."""
        found = [answer for pod in self.pods for answer in pod.answers.get(namespace, [])]
        return sorted(found, key=lambda answer: answer.at)

    def forget(self, namespace: str) -> None:
        for pod in self.pods:
            pod.forget(namespace)

    async def lose_node(self, client: Client, name: str) -> None:
        """One pod answers nothing more, and stays listed as one that leaves."""
        pod = next(pod for pod in self.pods if pod.name == name)
        pod.died = time.monotonic()
        path = kinds.SLICE.path(self.namespace, name)
        listed = msgspec.json.decode(await client.ask("GET", path))["endpoints"]
        leaving = {"ready": False, "serving": False, "terminating": True}
        body = {"endpoints": [endpoint | {"conditions": leaving} for endpoint in listed]}
        await client.ask("PATCH", path, body=body, media="application/merge-patch+json")


@asynccontextmanager
async def serving(client: Client, store: Store, lags: Mapping[str, float], *, files: Path) -> AsyncIterator[Gateways]:
    """Gateway pods that listen, and their Service and slices in a namespace of their own."""
    gateways = Gateways(f"gateways-{uuid.uuid4().hex[:8]}", [GatewayPod(*pod) for pod in lags.items()])
    await client.create("/api/v1/namespaces", {"metadata": {"name": gateways.namespace}})
    await client.create(kinds.SERVICE.path(gateways.namespace), _service())
    async with AsyncExitStack() as stack:
        for pod in gateways.pods:
            contexts = {80: None, _HTTPS: _tls(gateways, pod, files)}
            ports = {PORTS[listener]: await _listen(stack, pod, listener, tls) for listener, tls in contexts.items()}
            store.listen(pod.take)
            stack.callback(store.unlisten, pod.take)
            await client.create(kinds.SLICE.path(gateways.namespace), _slice_of(pod, ports))
        yield gateways


async def _listen(stack: AsyncExitStack, pod: GatewayPod, listener: int, tls: ssl.SSLContext | None) -> int:
    """The port of this machine where one of a pod's listeners is."""
    server = await asyncio.start_server(partial(pod.serve, listener), own_address(), 0, backlog=1024, ssl=tls)
    stack.callback(server.close)
    return int(server.sockets[0].getsockname()[1])


def _tls(gateways: Gateways, pod: GatewayPod, files: Path) -> ssl.SSLContext:
    """Shows a certificate to those who ask for a host whose credential is there."""

    def choose(_socket: object, name: str | None, _context: object) -> int | None:
        is_there = pod.credential(name or "") in gateways.credentials
        return None if is_there else ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE

    context = self_signed(files)
    context.sni_callback = choose
    return context


def _service() -> Object:
    ports = [{"name": name, "port": port} for port, name in PORTS.items()]
    return {"metadata": {"name": _NAME}, "spec": {"ports": ports}}


def _slice_of(pod: GatewayPod, ports: Mapping[str, int]) -> Object:
    manifest = make_slice(own_address(), 0)
    (endpoint, *_) = manifest["endpoints"]
    manifest["metadata"]["name"] = pod.name
    manifest["ports"] = [{"name": name, "port": port, "protocol": "TCP"} for name, port in ports.items()]
    manifest["endpoints"] = [endpoint | {"targetRef": {"kind": "Pod", "name": pod.name}}]
    return manifest


def _hosts_of(gateway: Object) -> set[str]:
    return {host.removeprefix("./") for server in gateway["spec"]["servers"] for host in server["hosts"]}


def _is_ready(change: Change) -> bool:
    return change.type != "DELETED" and bool(change.object["endpoints"])
