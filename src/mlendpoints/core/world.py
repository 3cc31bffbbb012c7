"""Everything that a decision may look at, as frozen values.

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
    """Names one object. ``kind`` is unique among the kinds that the operator writes."""

    kind: str
    namespace: str
    name: str


class ContainerFacts(Struct, frozen=True, kw_only=True):
    """What went on in one container of a pod, init containers included."""

    name: str
    ready: bool = False
    restarts: int = 0
    waiting_reason: str = ""
    waiting_message: str = ""
    exit_code: int | None = None  # of the current or the last termination
    exit_reason: str = ""  # OOMKilled, Error, ...
    last_words: str = ""  # its termination message
    probe: str = ""  # what the kubelet asks, and stops the container for, such as "/ping on port 8080"


class Lookup(Struct, frozen=True, order=True):
    """An object whose events are read: a pod that is not ready, a Deployment whose pods are rejected.

    ``revision`` makes it a new lookup once the object was written otherwise:
    what was said of it before counts no more.
    """

    ref: Ref
    revision: str = ""


class Complaint(Struct, frozen=True, kw_only=True):
    """What an event says of a pod's container, or (without one) of its volumes, or of pods that are not created.

    Others can write such events, too: words to quote.
    """

    container: str = ""
    message: str
    at: float = 0.0  # seconds since the epoch


class PodFacts(Struct, frozen=True, kw_only=True):
    """What a pod says of itself."""

    name: str
    instance: str  # the model instance it belongs to; of an MLModel: its name, for a download `{name}-{version}`
    version: str = ""
    address: str = ""  # IP address, once it has one
    ready: bool = False
    deleting: bool = False
    unschedulable: str = ""  # the scheduler's message
    awaited: tuple[str, ...] = ()  # Secrets, claims: what its node may lack, as long as nothing of the pod can start
    not_ready_since: float = 0.0  # seconds since the epoch
    has_ended: bool = False  # for good: nothing of it is started again
    end: str = ""  # why, where that was not its containers' doing, such as "Evicted: The node was low on memory."
    containers: tuple[ContainerFacts, ...] = ()
    complaints: tuple[Complaint, ...] = ()  # asked for while it is not ready


class Routes(Struct, frozen=True, kw_only=True):
    """What a VirtualService of ours says; ``revision`` is what its gateways answer."""

    revision: str
    pings: tuple[str, ...] = ()  # model instances that can be asked through the gateways
    destinations: tuple["Destination", ...] = ()


class Destination(Struct, frozen=True, kw_only=True, order=True):
    """One variant's model instance and its weight; ``vacant`` when it has no pods by wish."""

    variant: str
    instance: str
    weight: int
    vacant: bool = False


class Door(Struct, frozen=True, order=True):
    """One server of a Gateway: its port, and the TLS credential; without one it is plain HTTP."""

    port: int
    credential: str = ""


class JobFacts(Struct, frozen=True, kw_only=True):
    """How a Job has ended; as long as it has not, it is at work."""

    succeeded: bool = False
    failure: str = ""  # the message of its Failed condition
    failure_reason: str = ""  # BackoffLimitExceeded, DeadlineExceeded, PodFailurePolicy
    failed_at: float = 0.0  # seconds since the epoch


class Child(Struct, frozen=True, kw_only=True):
    """Projection of one object that the operator wrote (or that stands in its place).

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
    asked: str = ""  # model instance: the count that the endpoint last asked for
    current: bool = True  # Deployment: its controller has seen the newest generation, all pods are of it
    ready_replicas: int = 0  # Deployment: pods ready, of whichever template
    newest_ready: int = 0  # Deployment: those of them that must be of the newest template
    ready_addresses: int = 0  # Service: ready addresses in its EndpointSlices
    additions: str = ""  # Deployment: what others added to its pods, and who
    failure: str = ""  # Deployment: message of its ReplicaFailure condition
    failed_at: float = 0.0  # Deployment: since when it says so, seconds since the epoch
    stalled: bool = False  # Deployment: its rollout has passed its progress deadline
    bound: bool = False  # PersistentVolumeClaim: it has a volume
    released: bool = False  # PersistentVolume: its claim has gone, and it takes no other one, not even of that name
    job: JobFacts | None = None  # Job
    routes: Routes | None = None  # VirtualService
    doors: tuple[Door, ...] = ()  # Gateway


class GatewayPod(Struct, frozen=True, order=True):
    """One serving pod of the gateway (draining ones too): where to ask it."""

    name: str
    address: str  # IP address
    port: int  # TCP port, the target port of the Gateway's port


CONNECTION_REFUSED = "connection refused"  # an unexpected answer


class Probe(Struct, frozen=True):
    """A request that every gateway pod must answer in the expected way.

    ``body`` empty: any body. ``revision`` makes two questions to the same path
    different ones, so that an old answer never counts for a new question.
    """

    host: str
    path: str
    status: int
    body: str = ""
    tls: bool = False
    revision: str = ""


class Measure(Struct, frozen=True, order=True):
    """A request for the metrics of one pod, repeated as long as a plan makes it."""

    pod: str
    address: str  # a pod that is re-created has another one: its answers are not those of the old one
    port: int
    path: str = "/metrics"


class Measurement(Struct, frozen=True, kw_only=True):
    """What a pod answered last, or why it did not. The text is the tenant's: bounded in size, otherwise anything."""

    at: float  # seconds since the epoch
    text: str = ""
    failure: str = ""


class Refusal(Struct, frozen=True):
    """The API server's last refusal of a write; ``reason`` is a ``Reason``."""

    reason: str
    message: str


class HostGrant(Struct, frozen=True, kw_only=True):
    """Hosts that namespaces may use: each suffix covers itself and all below it; ``*`` is any."""

    namespaces: tuple[str, ...] = ("*",)
    suffixes: tuple[str, ...] = ("*",)


class Settings(Struct, frozen=True, kw_only=True):
    """The administrator's choices that decisions depend on."""

    model_init_image: str
    nginx_image: str
    image_pull_policy: str = "IfNotPresent"
    nginx_resources: Mapping[str, Mapping[str, str]] = {}  # requests and limits; empty: the defaults
    model_init_resources: Mapping[str, Mapping[str, str]] = {}
    gateway_selector: Mapping[str, str] = field(default_factory=lambda: {"istio": "ingressgateway"})
    gateway_service: str = "istio-ingress/istio-ingressgateway"  # namespace/name
    gateway_domain: str = ""  # default hosts are {endpoint}.{namespace}.{domain}; {namespace}.{domain} is reserved
    gateway_hosts: tuple[HostGrant, ...] = (HostGrant(),)  # which other hosts namespaces may use
    host_grace_seconds: float = 60.0  # for which a host whose endpoint has gone is kept from those that waited for it
    http_port: int = 80
    https_port: int = 443
    tls_credentials: Mapping[str, str] = {}  # host suffix -> credentialName
    proof: str = "required"  # or "timed"
    proof_seconds: float = 12.0  # timed: longer than istiod's longest debounce (10 s)
    drain_seconds: int = 15  # nginx's preStop sleep: longer than istiod's longest debounce
    retry_attempts: int = 5  # of the gateways, for requests that no model has seen; 0 in loss tests
    allowed_path_prefixes: tuple[str, ...] = ()
    url_port: int | None = None  # shown in status.url when the gateway is not on 80/443
    network_policies: str = "ignore"  # or "write", one for each endpoint; "remove" those that were written
    metrics_from: tuple[Mapping[str, Any], ...] = ()  # who reads the metrics of pods, as in a NetworkPolicy's ``from``
    fetch_allowed_addresses: tuple[str, ...] = ()
    fetch_http_proxy: str = ""
    fetch_https_proxy: str = ""
    fetch_no_proxy: str = ""
    fetch_ca_config_map: str = ""


class World(Struct, frozen=True, kw_only=True):
    """One endpoint and all that is observed around it."""

    now: float  # seconds since the epoch
    settings: Settings
    endpoint: Endpoint
    config: EndpointConfig | None = None  # the template that spec.config names
    models: Mapping[str, Model] = {}  # templates by name, those that exist among the ones the config names
    config_instances: Mapping[str, EndpointConfig] = {}  # ours, by object name
    model_instances: Mapping[str, Model] = {}  # ours, by object name
    children: Mapping[Ref, Child] = {}  # all that is controlled by the endpoint or by one of its model instances
    pods: tuple[PodFacts, ...] = ()  # of its model instances
    host_owner: Ref | None = None  # the endpoint of the cluster that comes before this one for its host
    made_claims: frozenset[str] = frozenset()  # among the claims that its artifacts name: those that the operator made
    foreign_routes: tuple[Ref, ...] = ()  # VirtualServices and Gateways of others that take the host; the first few
    gateways: tuple[GatewayPod, ...] = ()
    lingering: Mapping[str, float] = {}  # gateway pods that leave and do not serve, seconds since the epoch: since when
    answers: Mapping[Probe, tuple[str, ...]] = {}  # names of the gateway pods that answered as expected
    unexpected: Mapping[Probe, Mapping[str, str]] = {}  # by gateway pod: what it answered instead, as "status 403"
    measurements: Mapping[Measure, Measurement] = {}
    refusals: Mapping[Ref, Refusal] = {}
    orphans: tuple[Child, ...] = ()  # that were made for an endpoint of this name, and have no owner
    routes_since: float = 0.0  # since when the watch has shown the routes as they are, or that there are none
    installed: frozenset[str] = frozenset()  # optional kinds that the API server has


class MLModelWorld(Struct, frozen=True, kw_only=True):
    """One MLModel and all that is observed around it."""

    now: float  # seconds since the epoch
    settings: Settings
    model: MLModel
    children: Mapping[Ref, Child] = {}  # all that is controlled by it
    pods: tuple[PodFacts, ...] = ()  # of its Deployment and of its download Jobs
    refusals: Mapping[Ref, Refusal] = {}
    orphans: tuple[Child, ...] = ()  # that were made for an MLModel of this name, and have no owner
    made_claims: frozenset[str] = frozenset()  # the claim that its artifact names, if the operator made it
    installed: frozenset[str] = frozenset()  # optional kinds that the API server has
