"""Projections of Services and EndpointSlices: ready pods of a model, serving pods and ports of the gateway."""

import sys

import msgspec
from msgspec import Struct, field

from mlendpoints.edge.kube.kinds import SLICE_SERVICE
from mlendpoints.edge.kube.metadata import Metadata


class Backends(Struct, frozen=True):
    """One slice of a model's Service; ``ready`` contains pod names, so that a dual-stack pod counts once."""

    service: str
    ready: frozenset[str]


class GatewayPorts(Struct, frozen=True):
    """The gateway's Service: port number to port name."""

    names: dict[int, str]


class GatewayBackends(Struct, frozen=True):
    """One slice of the gateway's Service: target ports by name, serving pods as (name, address).

    ``lingering`` are those that are terminating and not serving: draining, or on a dead node and still listed.
    """

    ports: dict[str, int]
    pods: tuple[tuple[str, str], ...]
    lingering: frozenset[str] = frozenset()


class _TargetRef(Struct, frozen=True):
    name: str = ""


class _Conditions(Struct, frozen=True):
    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class _Endpoint(Struct, frozen=True, rename="camel"):
    addresses: tuple[str, ...] = ()
    conditions: _Conditions = _Conditions()
    target_ref: _TargetRef = _TargetRef()

    @property
    def name(self) -> str:
        return self.target_ref.name or self.addresses[0]

    @property
    def is_ready(self) -> bool:
        """None means ready: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#conditions."""
        return self.conditions.ready is not False

    @property
    def is_serving(self) -> bool:
        """Whether it may serve requests; a draining pod still does."""
        return self.is_ready or bool(self.conditions.serving) or self.is_lingering

    @property
    def is_lingering(self) -> bool:
        """Terminating and not serving: draining, or on a dead node."""
        return bool(self.conditions.terminating) and not self.is_ready and not self.conditions.serving


class _Port(Struct, frozen=True):
    name: str = ""
    port: int = 0


class _Slice(Struct, frozen=True):
    metadata: Metadata
    endpoints: tuple[_Endpoint, ...] | None = ()
    ports: tuple[_Port, ...] | None = ()


class _ServiceSpec(Struct, frozen=True):
    ports: tuple[_Port, ...] = ()


class _Service(Struct, frozen=True):
    metadata: Metadata
    spec: _ServiceSpec = field(default_factory=_ServiceSpec)


def make_backends(raw: bytes) -> tuple[Metadata, Backends]:
    """The ready pods in one slice."""
    one = msgspec.json.decode(raw, type=_Slice)
    ready = frozenset(endpoint.name for endpoint in one.endpoints or () if endpoint.is_ready)
    return one.metadata, Backends(sys.intern(one.metadata.labels.get(SLICE_SERVICE, "")), ready)


def make_gateway_backends(raw: bytes) -> tuple[Metadata, GatewayBackends]:
    """The serving pods in one slice of the gateway, including draining ones."""
    one = msgspec.json.decode(raw, type=_Slice)
    pods = tuple((e.name, e.addresses[0]) for e in one.endpoints or () if e.is_serving and e.addresses)
    lingering = frozenset(e.name for e in one.endpoints or () if e.is_lingering and e.addresses)
    return one.metadata, GatewayBackends({port.name: port.port for port in one.ports or ()}, pods, lingering)


def make_gateway_ports(raw: bytes) -> tuple[Metadata, GatewayPorts]:
    """The ports of the gateway's Service."""
    service = msgspec.json.decode(raw, type=_Service)
    return service.metadata, GatewayPorts({port.port: port.name for port in service.spec.ports})
