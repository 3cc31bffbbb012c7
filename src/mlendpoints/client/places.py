"""Where the gateway can be reached: its Service's addresses, and the pods to which a port can be forwarded."""

import asyncio
import random
from collections.abc import Iterable, Sequence
from contextlib import suppress

from msgspec import Struct, field

from mlendpoints.client import errors
from mlendpoints.client.connection import Connection
from mlendpoints.client.tunnels import Tunnel
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.client import Request
from mlendpoints.edge.kube.decoding import UNREADABLE, read
from mlendpoints.edge.kube.kinds import SERVICE, SLICE, SLICE_SERVICE, Watch
from mlendpoints.edge.kube.responses import Page

CONNECT = 5.0  # seconds
_ATTEMPTS = 3  # pods to which a port is forwarded, until one is there


class _Ingress(Struct, frozen=True):
    ip: str = ""
    hostname: str = ""


class _LoadBalancer(Struct, frozen=True):
    ingress: tuple[_Ingress, ...] = ()


class _ServiceStatus(Struct, frozen=True, rename="camel"):
    load_balancer: _LoadBalancer = _LoadBalancer()


class _Port(Struct, frozen=True):
    port: int = 0
    name: str = ""


class _ServiceSpec(Struct, frozen=True):
    cluster_ip: str = field(name="clusterIP", default="")
    external_ips: tuple[str, ...] = field(name="externalIPs", default=())
    ports: tuple[_Port, ...] = ()


class Service(Struct, frozen=True):
    """What is read of the gateway's Service."""

    spec: _ServiceSpec
    status: _ServiceStatus = _ServiceStatus()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Of the load balancer, external ones, and the cluster IP, which nodes and pods can reach."""
        balanced = [ingress.ip or ingress.hostname for ingress in self.status.load_balancer.ingress]
        internal = [self.spec.cluster_ip] if self.spec.cluster_ip not in ("", "None") else []
        return (*balanced, *self.spec.external_ips, *internal)


class _Conditions(Struct, frozen=True):
    ready: bool = True


class _Target(Struct, frozen=True):
    kind: str = ""
    name: str = ""


class _Backend(Struct, frozen=True, rename="camel"):
    conditions: _Conditions = _Conditions()
    target_ref: _Target = _Target()


class _Slice(Struct, frozen=True):
    endpoints: tuple[_Backend, ...] = ()
    ports: tuple[_Port, ...] = ()


class Place:
    """The gateway's Service (NAMESPACE/NAME)."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._namespace, _, self._name = name.partition("/")

    async def service(self) -> Service:
        """The Service as it is."""
        ref = Ref(SERVICE.name, self._namespace, self._name)
        path = SERVICE.path(self._namespace, self._name)
        content = await self._connection.send(Request(verb="get", kind=SERVICE, method="GET", path=path), ref)
        try:
            return read(content, Service)
        except UNREADABLE as error:
            raise errors.UnreachableError(f"The Service {self._namespace}/{self._name}: {error}") from None

    async def dial(self, port: int) -> Tunnel:
        """A connection with a port of the Service, forwarded to one of its ready pods."""
        backends = await self._backends(port)
        if not backends:
            raise errors.UnreachableError(f"Service {self._namespace}/{self._name} has no ready pod for port {port}.")
        failure: errors.ClientError | None = None
        for pod, number in random.sample(backends, min(_ATTEMPTS, len(backends))):
            try:
                return Tunnel(await self._connection.forward(Ref("Pod", self._namespace, pod), number), number)
            except (errors.NotFoundError, errors.UnreachableError) as error:
                failure = error  # the pod may have gone meanwhile
        assert failure is not None  # noqa: S101 - there are pods, and no connection
        raise failure

    async def _backends(self, port: int) -> list[tuple[str, int]]:
        """Ready pods, and the number that the port has in each."""
        known = await self.service()
        name = next((each.name for each in known.spec.ports if each.port == port), None)
        watch = Watch(kind=SLICE, namespace=self._namespace, label_selector=f"{SLICE_SERVICE}={self._name}")
        pages = self._connection.pages(watch, Ref(SLICE.name, self._namespace, ""))
        slices = [found async for page in pages for found in _slices(page)]
        return [
            (backend.target_ref.name, number.port)
            for found in slices
            for number in found.ports
            if number.name == name
            for backend in found.endpoints
            if backend.conditions.ready and backend.target_ref.kind == "Pod"
        ]


def _slices(page: Page) -> Iterable[_Slice]:
    for item in page.items:
        with suppress(*UNREADABLE):
            yield read(item, _Slice)


async def first_reachable(addresses: Sequence[str], port: int) -> str | None:
    """The first address that takes a connection; all are tried at once."""
    attempts = [asyncio.create_task(_is_reachable(address, port)) for address in addresses]
    try:
        for address, attempt in zip(addresses, attempts, strict=True):
            if await attempt:
                return address
    finally:
        for attempt in attempts:
            attempt.cancel()
    return None


async def _is_reachable(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(CONNECT):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, UnicodeError):  # also a timeout; or no name at all
        return False
    writer.close()
    return True
