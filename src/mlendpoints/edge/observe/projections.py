"""Projections: what the cache keeps of an object, decoded from its bytes. One small entry for each object.

Never a whole manifest. There is a decoder for each kind; errors are raised to the
reflector, which skips the object.
"""

import sys
from collections.abc import Callable, Iterable

import msgspec
from msgspec import Struct, field

from mlendpoints.api import labels
from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.meta import ObjectMeta
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model
from mlendpoints.core.endpoint.listeners import parse_listeners
from mlendpoints.core.routes import parse_routes
from mlendpoints.core.world import Child, PodFacts, Ref
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.decoding import deeply
from mlendpoints.edge.kube.metadata import Envelope, Metadata, make_child, make_ref
from mlendpoints.edge.observe.interning import interned, share_strings
from mlendpoints.edge.observe.pods import make_pod_facts
from mlendpoints.edge.observe.slices import (
    Backends,
    GatewayBackends,
    GatewayPorts,
    make_backends,
    make_gateway_backends,
    make_gateway_ports,
)
from mlendpoints.edge.observe.workloads import make_claim, make_deployment, make_job

Template = EndpointConfig | Model


class Instance(Struct, frozen=True):
    """An instance (frozen version): the typed object, and the same object as a child of its endpoint."""

    object: Template
    child: Child


class Volume(Struct, frozen=True):
    """A PersistentVolume; cluster-scoped, so its instance is found by a label and its claimRef."""

    child: Child
    namespace: str
    instance: str


class Route(Struct, frozen=True, kw_only=True):
    """A VirtualService or Gateway, ours or foreign: its hosts, and where it serves them."""

    hosts: tuple[str, ...]  # in lower case, sorted, without a bare "*"
    gateways: tuple[Ref, ...] = ()  # VirtualService: the Gateways it is bound to
    selector: tuple[tuple[str, str], ...] = ()  # Gateway: labels of its pods
    child: Child | None = None  # the same object as a child, if an endpoint may own it


Facts = (
    Endpoint
    | MLModel
    | Template
    | Instance
    | Child
    | Volume
    | Route
    | PodFacts
    | Backends
    | GatewayPorts
    | GatewayBackends
)


class Entry(Struct, frozen=True):
    """One object in the cache."""

    ref: Ref
    uid: str
    facts: Facts


class _Hosts(Struct, frozen=True):
    hosts: tuple[str, ...] = ()


class _RouteSpec(Struct, frozen=True):
    hosts: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    servers: tuple[_Hosts, ...] = ()
    selector: dict[str, str] = {}


class _Istio(Struct, frozen=True):
    metadata: Metadata
    spec: _RouteSpec = _RouteSpec()


class _ClaimRef(Struct, frozen=True):
    namespace: str = ""


class _VolumeSpec(Struct, frozen=True, rename="camel"):
    claim_ref: _ClaimRef = field(default_factory=_ClaimRef)


class _VolumeStatus(Struct, frozen=True):
    phase: str = ""


class _Volume(Struct, frozen=True):
    metadata: Metadata
    spec: _VolumeSpec = field(default_factory=_VolumeSpec)
    status: _VolumeStatus = _VolumeStatus()


_NONE: dict[str, str] = {}  # the same for all objects
_MESH = "mesh"  # the sidecars; the default of a VirtualService
# Fields that differ for each instance: not interned
_OWN = ("endpoint", "version", "config_version", "model_versions", "selector", "conditions", "instance")


def decode(kind: str, raw: bytes) -> Entry:
    """The entry of one object of ``kind``; may raise nearly any exception for a malformed object.

    For a kind without a decoder of its own, only the metadata are kept, as of any child.
    """
    metadata, facts = deeply(lambda: _DECODERS.get(kind, _child(kind))(raw))
    facts = share_strings(facts)
    return Entry(_ref_in(facts) or make_ref(kind, metadata), sys.intern(metadata.uid), facts)


def _ref_in(facts: Facts) -> Ref | None:
    """The reference that the facts contain already."""
    match facts:
        case Instance(child=child) | Volume(child=child) | Route(child=Child() as child) | (Child() as child):
            return child.ref
        case _:
            return None


def _metadata(raw: bytes) -> Metadata:
    return msgspec.json.decode(raw, type=Envelope).metadata


def _endpoint(raw: bytes) -> tuple[Metadata, Facts]:
    endpoint = msgspec.json.decode(raw, type=Endpoint)
    return _metadata(raw), msgspec.structs.replace(endpoint, metadata=_slim(endpoint.metadata))


def _mlmodel(raw: bytes) -> tuple[Metadata, Facts]:
    model = msgspec.json.decode(raw, type=MLModel)
    return _metadata(raw), msgspec.structs.replace(model, metadata=_slim(model.metadata))


def _config(raw: bytes) -> tuple[Metadata, Facts]:
    config = msgspec.json.decode(raw, type=EndpointConfig)
    metadata, slim = _metadata(raw), msgspec.structs.replace(config, metadata=_slim(config.metadata))
    if slim.spec.instance is None:
        return metadata, slim
    slim = msgspec.structs.replace(slim, spec=interned(slim.spec, but=_OWN), status=interned(slim.status, but=_OWN))
    return metadata, Instance(slim, make_child(kinds.CONFIG.name, metadata))


def _model(raw: bytes) -> tuple[Metadata, Facts]:
    model = msgspec.json.decode(raw, type=Model)
    metadata, slim = _metadata(raw), msgspec.structs.replace(model, metadata=_slim(model.metadata))
    if slim.spec.instance is None:
        return metadata, slim
    instance = interned(slim.spec.instance, but=_OWN)
    spec, status = interned(slim.spec, but=("instance",)), interned(slim.status, but=_OWN)
    slim = msgspec.structs.replace(slim, spec=msgspec.structs.replace(spec, instance=instance), status=status)
    child = make_child(kinds.MODEL.name, metadata)
    requested = sys.intern(metadata.annotations.get(labels.REQUESTED, ""))
    return metadata, Instance(slim, msgspec.structs.replace(child, replicas=slim.spec.replicas, requested=requested))


def _slim(metadata: ObjectMeta) -> ObjectMeta:
    """Without labels, annotations and owners: no decision needs them, and kubectl stores whole manifests there."""
    return msgspec.structs.replace(metadata, labels=_NONE, annotations=_NONE, owner_references=())


def _child(kind: str) -> Callable[[bytes], tuple[Metadata, Facts]]:
    def decode_child(raw: bytes) -> tuple[Metadata, Facts]:
        metadata = _metadata(raw)
        return metadata, make_child(kind, metadata)

    return decode_child


def _virtual_service(raw: bytes) -> tuple[Metadata, Facts]:
    found = msgspec.json.decode(raw, type=_Istio)
    child = _endpoints_child(kinds.VIRTUAL_SERVICE.name, found.metadata)
    if child is not None:
        child = msgspec.structs.replace(child, routes=parse_routes(msgspec.json.decode(raw)))
    bound = (_gateway_ref(name, found.metadata.namespace) for name in found.spec.gateways if name != _MESH)
    route = Route(hosts=_named(found.spec.hosts), gateways=tuple(sorted(set(bound))), child=child)
    return found.metadata, route


def _gateway(raw: bytes) -> tuple[Metadata, Facts]:
    found = msgspec.json.decode(raw, type=_Istio)
    hosts = (host.rpartition("/")[2] for server in found.spec.servers for host in server.hosts)
    selector = tuple(sorted((sys.intern(key), sys.intern(value)) for key, value in found.spec.selector.items()))
    child = _endpoints_child(kinds.GATEWAY.name, found.metadata)
    if child is not None:
        child = msgspec.structs.replace(child, listeners=parse_listeners(msgspec.json.decode(raw)))
    return found.metadata, Route(hosts=_named(hosts), selector=selector, child=child)


def _named(hosts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({host.lower() for host in hosts} - {"*"}))


def _endpoints_child(kind: str, metadata: Metadata) -> Child | None:
    """The object as a child, if it has our label or is owned by an endpoint."""
    owned = any(owner.controller and owner.kind == Endpoint.KIND for owner in metadata.owner_references)
    return make_child(kind, metadata) if owned or metadata.is_ours else None


def _gateway_ref(name: str, namespace: str) -> Ref:
    """The Gateway that a VirtualService names: ``namespace/name``, ``name``, or the old ``name.namespace.svc...``."""
    before, slash, after = name.partition("/")
    if slash:
        return Ref(kinds.GATEWAY.name, namespace if before == "." else sys.intern(before), after)
    first, dot, rest = name.partition(".")
    return Ref(kinds.GATEWAY.name, sys.intern(rest.partition(".")[0]) if dot else namespace, first)


def _volume(raw: bytes) -> tuple[Metadata, Facts]:
    volume = msgspec.json.decode(raw, type=_Volume)
    child = make_child(kinds.VOLUME.name, volume.metadata)
    child = msgspec.structs.replace(child, released=volume.status.phase == "Released")
    instance = volume.metadata.labels.get(labels.INSTANCE, "")
    return volume.metadata, Volume(child, volume.spec.claim_ref.namespace, instance)


_DECODERS: dict[str, Callable[[bytes], tuple[Metadata, Facts]]] = {
    kinds.ENDPOINT.name: _endpoint,
    kinds.CONFIG.name: _config,
    kinds.MODEL.name: _model,
    kinds.MLMODEL.name: _mlmodel,
    kinds.VIRTUAL_SERVICE.name: _virtual_service,
    kinds.GATEWAY.name: _gateway,
    kinds.DESTINATION_RULE.name: _child(kinds.DESTINATION_RULE.name),
    kinds.NETWORK_POLICY.name: _child(kinds.NETWORK_POLICY.name),
    kinds.SERVICE.name: _child(kinds.SERVICE.name),
    kinds.DEPLOYMENT.name: make_deployment,
    kinds.JOB.name: make_job,
    kinds.CLAIM.name: make_claim,
    kinds.VOLUME.name: _volume,
    kinds.SLICE.name: make_backends,
    kinds.POD.name: make_pod_facts,
    kinds.GATEWAY_SERVICE.name: make_gateway_ports,
    kinds.GATEWAY_SLICE.name: make_gateway_backends,
}
