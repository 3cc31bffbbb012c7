"""The gateway pods that a load balancer would send to, as the gateway's EndpointSlices name them.

Only pods that are ready: one that is told to leave gets nothing new from then
on, and keeps what it has.
"""

import asyncio
from collections.abc import Callable

import msgspec
from msgspec import Struct

from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.kinds import SLICE_SERVICE
from tests.kit.client import Client

_PORT = "http2"  # by this name the gateway's chart calls its port 80


class _Conditions(Struct, frozen=True):
    ready: bool | None = None


class _Endpoint(Struct, frozen=True):
    addresses: list[str]
    conditions: _Conditions = _Conditions()


class _Port(Struct, frozen=True):
    name: str = ""
    port: int = 0


class _Metadata(Struct, frozen=True):
    name: str
    labels: dict[str, str] = {}


class _Slice(Struct, frozen=True):
    metadata: _Metadata
    endpoints: list[_Endpoint] | None = None
    ports: list[_Port] | None = None

    @property
    def addresses(self) -> list[str]:
        """IP:port of each pod that is ready."""
        port = next((port.port for port in self.ports or () if port.name == _PORT), None)
        ready = (endpoint for endpoint in self.endpoints or () if endpoint.conditions.ready is not False)
        return [f"{endpoint.addresses[0]}:{port}" for endpoint in ready] if port else []


class Gateways:
    """The ready pods of one Service (namespace/name); ``forget`` hears of each that leaves."""

    def __init__(self, service: str, forget: Callable[[str], None]) -> None:
        self._namespace, _, self._service = service.partition("/")
        self._forget = forget
        self._slices: dict[str, list[str]] = {}
        self.addresses: list[str] = []
        self.found = asyncio.Event()

    def pick(self, number: int) -> str:
        """Each in turn."""
        return self.addresses[number % len(self.addresses)] if self.addresses else ""

    async def follow(self, client: Client) -> None:
        """Keeps them up to date until it is cancelled."""
        async for event in client.follow(kinds.SLICE.path(self._namespace)):
            one = msgspec.json.decode(event.object, type=_Slice)
            if one.metadata.labels.get(SLICE_SERVICE) == self._service:
                self._slices[one.metadata.name] = [] if event.type == "DELETED" else one.addresses
                self._replace(sorted(address for addresses in self._slices.values() for address in addresses))

    def _replace(self, addresses: list[str]) -> None:
        left = set(self.addresses) - set(addresses)
        self.addresses = addresses
        for address in left:
            self._forget(address)
        if addresses:
            self.found.set()
