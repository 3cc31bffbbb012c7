"""The world: everything that a decision may look at, as frozen values.

The edge gathers a world from its cache; tests build one by hand. Children are
*projections*: only what decisions need, never a whole object.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model


class Ref(Struct, frozen=True, order=True):
    """A reference to one object. ``kind`` is unique among the kinds that the operator writes."""

    kind: str
    namespace: str
    name: str


class ContainerFacts(Struct, frozen=True, kw_only=True):
    """The state of one container of a pod, init containers included."""

    name: str
    ready: bool = False
    restarts: int = 0
    waiting_reason: str = ""
    waiting_message: str = ""
    exit_code: int | None = None  # of the current or the last termination
    exit_reason: str = ""  # OOMKilled, Error, ...
    termination_message: str = ""
    probe: str = ""  # the kubelet's startup or liveness probe, such as "/ping on port 8080"


class Lookup(Struct, frozen=True, order=True):
    """An object whose events are read: a pod that is not ready, a Deployment whose pods are rejected.

    ``revision`` makes it a new lookup once the object was changed:
    earlier events are no longer relevant.
    """

    ref: Ref
    revision: str = ""


class WarningEvent(Struct, frozen=True, kw_only=True):
    """A Warning event about a pod's container, or (without one) its volumes, or about pods that are not created.

    Tenants can write such events as well: quote them.
    """

    container: str = ""
    message: str
    at: float = 0.0  # seconds since the epoch


class PodFacts(Struct, frozen=True, kw_only=True):
    """The part of a pod's status that findings need."""

    name: str
    instance: str  # the model instance it belongs to; of an MLModel: its name, for a download `{name}-{version}`
    version: str = ""
    address: str = ""  # IP address, once it has one
    ready: bool = False
    deleting: bool = False
    unschedulable: str = ""  # the scheduler's message
    pending_mounts: tuple[str, ...] = ()  # Secrets, claims: volumes its node may lack, while no container can start
    not_ready_since: float = 0.0  # seconds since the epoch
    has_ended: bool = False  # in a terminal phase: its containers are never restarted
    end: str = ""  # why, if not by its containers, such as "Evicted: The node was low on memory."
    containers: tuple[ContainerFacts, ...] = ()
    warnings: tuple[WarningEvent, ...] = ()  # read while it is not ready


class Routes(Struct, frozen=True, kw_only=True):
    """The routes of a VirtualService of ours; ``revision`` is what gateways that serve them answer."""

    revision: str
    pings: tuple[str, ...] = ()  # model instances that can be pinged through the gateways
    destinations: tuple["Destination", ...] = ()


class Destination(Struct, frozen=True, kw_only=True, order=True):
    """One variant's model instance and its weight; ``vacant`` if 0 instances are requested."""

    variant: str
    instance: str
    weight: int
    vacant: bool = False


class Listener(Struct, frozen=True, order=True):
    """One server of a Gateway: its port, and the TLS credential; without one it is plain HTTP."""

    port: int
    credential: str = ""


class JobFacts(Struct, frozen=True, kw_only=True):
    """How a Job has ended; neither succeeded nor failed: it is running."""

    succeeded: bool = False
    failure: str = ""  # the message of its Failed condition
    failure_reason: str = ""  # BackoffLimitExceeded, DeadlineExceeded, PodFailurePolicy
    failed_at: float = 0.0  # seconds since the epoch


class Child(Struct, frozen=True, kw_only=True):
    """Projection of one object that the operator wrote (or one of the same name).

    ``fields`` is the operator's own ``managedFields`` entries (the field sets
    of Server-Side Apply, as compact JSON, interned, without ownerReferences):
    a foreign edit of one of our fields takes it out of there.
    """

    ref: Ref
    uid: str
    resource_version: str
    controller: str = ""  # uid of the controlling owner
    is_ours: bool = True  # it carries the operator's label
    orphan_of: Ref | None = None  # without any owner: the endpoint or MLModel that its labels name
    deleting: bool = False
    finalizers: tuple[str, ...] = ()
    manifest_hash: str = ""
    version: str = ""  # the label mlendpoints.dev/version
    fields: str = ""
    written: float = 0.0  # when we last wrote it, by managedFields, seconds since the epoch
    builder: str = ""  # Deployment: builder of its pod template
    replicas: int | None = None  # Deployment, model instance: spec.replicas
    requested: str = ""  # model instance: the count that the endpoint last requested
    current: bool = True  # Deployment: its controller has seen the newest generation, all pods are of it
    ready_replicas: int = 0  # Deployment: pods ready, of whichever template
    newest_ready: int = 0  # Deployment: those of them that must be of the newest template
    ready_addresses: int = 0  # Service: ready addresses in its EndpointSlices
    additions: str = ""  # Deployment: fields that others added to its pod template, and who
    failure: str = ""  # Deployment: message of its ReplicaFailure condition
    failed_at: float = 0.0  # Deployment: since when it says so, seconds since the epoch
    stalled: bool = False  # Deployment: its rollout has passed its progress deadline
    bound: bool = False  # PersistentVolumeClaim: it has a volume
    released: bool = False  # PersistentVolume: its claim has gone, and it takes no other one, not even of that name
    job: JobFacts | None = None  # Job
    routes: Routes | None = None  # VirtualService
    listeners: tuple[Listener, ...] = ()  # Gateway


class GatewayPod(Struct, frozen=True, order=True):
    """One serving pod of the gateway (draining ones too): where to probe it."""

    name: str
    address: str  # IP address
    port: int  # TCP port, the target port of the Gateway's port


CONNECTION_REFUSED = "connection refused"  # an unexpected answer


class Probe(Struct, frozen=True):
    """A request that every gateway pod must answer in the expected way.

    ``body`` empty: any body. ``revision`` makes two probes of the same path
    different ones, so that an old answer never counts for a new probe.
    """

    host: str
    path: str
    status: int
    body: str = ""
    tls: bool = False
    revision: str = ""


class Measure(Struct, frozen=True, order=True):
    """A request for one metric of one pod, repeated as long as a plan makes it."""

    pod: str
    address: str  # a pod that is re-created has another one: its answers are not those of the old one
    port: int
    metric: str
    path: str = "/metrics"


class Measurement(Struct, frozen=True, kw_only=True):
    """What a pod answered last, or why it did not."""

    value: float | None = None  # the lowest of the metric's series; None: it has none
    failure: str = ""


class Rejection(Struct, frozen=True):
    """The API server's last rejection of a write; ``reason`` is a ``Reason``."""

    reason: str
    message: str


class HostGrant(Struct, frozen=True, kw_only=True):
    """Hosts that namespaces may use: each suffix covers itself and all below it; ``*`` is any."""

    namespaces: tuple[str, ...] = ("*",)
    suffixes: tuple[str, ...] = ("*",)


class Settings(Struct, frozen=True, kw_only=True):
    """The administrator's settings that decisions depend on."""

    model_init_image: str
    nginx_image: str
    shipper_image: str = "localhost/mlendpoints/shipper:dev"
    image_pull_policy: str = "IfNotPresent"
    nginx_resources: Mapping[str, Mapping[str, str]] = {}  # requests and limits; empty: the defaults
    model_init_resources: Mapping[str, Mapping[str, str]] = {}
    fluent_bit_image: str = ""  # empty: pods have no Fluent Bit
    fluent_bit_resources: Mapping[str, Mapping[str, str]] = {}
    recorder_image: str = ""  # empty: no capture with gor
    gateway_selector: Mapping[str, str] = field(default_factory=lambda: {"istio": "ingressgateway"})
    gateway_service: str = "istio-ingress/istio-ingressgateway"  # namespace/name
    gateway_domain: str = ""  # default hosts are {endpoint}.{namespace}.{domain}; {namespace}.{domain} is reserved
    gateway_hosts: tuple[HostGrant, ...] = (HostGrant(),)  # the other hosts that namespaces may use
    host_grace_seconds: float = 60.0  # for which a host stays reserved once its endpoint is deleted
    http_port: int = 80
    https_port: int = 443
    tls_credentials: Mapping[str, str] = {}  # host suffix -> credentialName
    proof: str = "required"  # or "timed"
    proof_seconds: float = 12.0  # timed: longer than istiod's longest debounce (10 s)
    drain_seconds: int = 15  # nginx's preStop sleep: longer than istiod's longest debounce
    retry_attempts: int = 5  # by the gateways, of requests that no model has seen; 0 in loss tests
    allowed_path_prefixes: tuple[str, ...] = ()
    url_port: int | None = None  # shown in status.url when the gateway is not on 80/443
    network_policies: str = "ignore"  # or "write", one for each endpoint; "remove" those that were written
    monitoring_url: str = ""  # where people see metrics, with {namespace} and {name}; empty: the pods' own Service
    pod_monitors: str = "auto"  # where the Prometheus operator is installed; or "never"
    pod_monitor_labels: Mapping[str, str] = {}  # by which Prometheus selects PodMonitors
    scrape_seconds: int | None = None  # of PodMonitors; None: by drain_seconds
    metrics_from: tuple[Mapping[str, Any], ...] = ()  # who may read the pods' metrics, as in a NetworkPolicy's ``from``
    fetch_allowed_addresses: tuple[str, ...] = ()
    fetch_http_proxy: str = ""
    fetch_https_proxy: str = ""
    fetch_no_proxy: str = ""
    fetch_ca_config_map: str = ""


class World(Struct, frozen=True, kw_only=True):
    """One endpoint and all that is observed about it."""

    now: float  # seconds since the epoch
    settings: Settings
    endpoint: Endpoint
    config: EndpointConfig | None = None  # the template that spec.config names
    models: Mapping[str, Model] = {}  # templates by name, those that exist among the ones the config names
    config_instances: Mapping[str, EndpointConfig] = {}  # ours, by object name
    model_instances: Mapping[str, Model] = {}  # ours, by object name
    children: Mapping[Ref, Child] = {}  # all that is controlled by the endpoint or by one of its model instances
    pods: tuple[PodFacts, ...] = ()  # of its model instances
    host_owner: Ref | None = None  # the endpoint in the cluster that has precedence for its host
    own_claims: frozenset[str] = frozenset()  # those of its artifacts' claims that the operator created
    foreign_routes: tuple[Ref, ...] = ()  # VirtualServices and Gateways of others with the host; the first few
    gateways: tuple[GatewayPod, ...] = ()
    lingering: Mapping[str, float] = {}  # gateway pods that terminate and do not serve, and since when (epoch seconds)
    answers: Mapping[Probe, tuple[str, ...]] = {}  # names of the gateway pods that answered as expected
    unexpected: Mapping[Probe, Mapping[str, str]] = {}  # by gateway pod: its answer instead, such as "status 403"
    measurements: Mapping[Measure, Measurement] = {}  # the latest
    rejections: Mapping[Ref, Rejection] = {}
    orphans: tuple[Child, ...] = ()  # of an earlier endpoint of this name, without an owner
    routes_since: float = 0.0  # since when the watch has shown the current routes, or none
    installed: frozenset[str] = frozenset()  # optional kinds that the API server has


class MLModelWorld(Struct, frozen=True, kw_only=True):
    """One MLModel and all that is observed about it."""

    now: float  # seconds since the epoch
    settings: Settings
    model: MLModel
    children: Mapping[Ref, Child] = {}  # all that is controlled by it
    pods: tuple[PodFacts, ...] = ()  # of its Deployment and of its download Jobs
    measurements: Mapping[Measure, Measurement] = {}  # the latest
    rejections: Mapping[Ref, Rejection] = {}
    orphans: tuple[Child, ...] = ()  # of an earlier MLModel of this name, without an owner
    own_claims: frozenset[str] = frozenset()  # the claim of its artifact, if the operator created it
    installed: frozenset[str] = frozenset()  # optional kinds that the API server has
