"""The kinds that the operator reads or writes, their API paths, and which of them are watched.

``Kind.name`` is the value of ``Ref.kind``. The gateway's Service and slices have
names of their own, since their projections differ from those of a model's.
"""

from msgspec import Struct

from mlendpoints.api import labels, monitoring
from mlendpoints.api.meta import API_VERSION


class Kind(Struct, frozen=True, kw_only=True):
    """One kind: its name in a ``Ref`` and its API path."""

    name: str
    api_version: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """API path; without a name of the collection, without a namespace across all namespaces."""
        root = "apis" if "/" in self.api_version else "api"
        scope = ("namespaces", namespace) if namespace and self.namespaced else ()
        return "/" + "/".join(part for part in (root, self.api_version, *scope, self.plural, name, subresource) if part)


ENDPOINT = Kind(name="MachineLearningEndpoint", api_version=API_VERSION, plural="machinelearningendpoints")
CONFIG = Kind(name="MachineLearningEndpointConfig", api_version=API_VERSION, plural="machinelearningendpointconfigs")
MODEL = Kind(name="MachineLearningModel", api_version=API_VERSION, plural="machinelearningmodels")
MLMODEL = Kind(name="MLModel", api_version=API_VERSION, plural="mlmodels")
VIRTUAL_SERVICE = Kind(name="VirtualService", api_version="networking.istio.io/v1", plural="virtualservices")
GATEWAY = Kind(name="Gateway", api_version="networking.istio.io/v1", plural="gateways")
DESTINATION_RULE = Kind(name="DestinationRule", api_version="networking.istio.io/v1", plural="destinationrules")
NETWORK_POLICY = Kind(name="NetworkPolicy", api_version="networking.k8s.io/v1", plural="networkpolicies")
POD_MONITOR = Kind(name=monitoring.POD_MONITOR, api_version="monitoring.coreos.com/v1", plural="podmonitors")
SERVICE = Kind(name="Service", api_version="v1", plural="services")
DEPLOYMENT = Kind(name="Deployment", api_version="apps/v1", plural="deployments")
JOB = Kind(name="Job", api_version="batch/v1", plural="jobs")
CLAIM = Kind(name="PersistentVolumeClaim", api_version="v1", plural="persistentvolumeclaims")
VOLUME = Kind(name="PersistentVolume", api_version="v1", plural="persistentvolumes", namespaced=False)
SLICE = Kind(name="EndpointSlice", api_version="discovery.k8s.io/v1", plural="endpointslices")
POD = Kind(name="Pod", api_version="v1", plural="pods")
GATEWAY_SERVICE = Kind(name="GatewayService", api_version="v1", plural="services")
GATEWAY_SLICE = Kind(name="GatewaySlice", api_version="discovery.k8s.io/v1", plural="endpointslices")
EVENT = Kind(name="Event", api_version="events.k8s.io/v1", plural="events")
KUBELET_EVENT = Kind(name="KubeletEvent", api_version="v1", plural="events")  # has field selectors
LEASE = Kind(name="Lease", api_version="coordination.k8s.io/v1", plural="leases")

OPTIONAL = (POD_MONITOR,)  # child kinds whose CRDs may not be installed: watched if they are

KINDS = {
    kind.name: kind
    for kind in (
        *(ENDPOINT, CONFIG, MODEL, MLMODEL),
        *(VIRTUAL_SERVICE, GATEWAY, DESTINATION_RULE, NETWORK_POLICY),
        *(SERVICE, DEPLOYMENT, JOB, CLAIM, VOLUME, SLICE, POD),
        *(GATEWAY_SERVICE, GATEWAY_SLICE, EVENT, KUBELET_EVENT, LEASE),
        *OPTIONAL,
    )
}

ROOTS = frozenset({ENDPOINT.name, MLMODEL.name})  # have plans; templates only have a status

SLICE_SERVICE = "kubernetes.io/service-name"  # https://kubernetes.io/docs/reference/labels-annotations-taints/
_OURS = f"{labels.MANAGED_BY}={labels.MANAGER}"


class Watch(Struct, frozen=True, kw_only=True):
    """What one reflector lists and watches: a kind, in one namespace or (empty) in all, by selectors."""

    kind: Kind
    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""
    optional: bool = False  # its CRD may not be installed: only its first list is awaited, however it ends


def make_watches(
    *, namespaces: tuple[str, ...], gateway_service: str, volumes: bool, network_policies: bool = False
) -> tuple[Watch, ...]:
    """All watches: those that must have synced before the first plan, and the optional ones.

    Istio's routes are watched without a label selector: foreign ones may name a host of ours.
    """
    scopes = namespaces or ("",)
    unlabelled = (ENDPOINT, CONFIG, MODEL, MLMODEL, VIRTUAL_SERVICE, GATEWAY)
    policies = (NETWORK_POLICY,) if network_policies else ()
    labelled = (DESTINATION_RULE, SERVICE, DEPLOYMENT, JOB, CLAIM, SLICE, POD, *policies)
    return (
        *(Watch(kind=kind, namespace=scope) for scope in scopes for kind in unlabelled),
        *(Watch(kind=kind, namespace=scope, label_selector=_OURS) for scope in scopes for kind in labelled),
        *(Watch(kind=k, namespace=s, label_selector=_OURS, optional=True) for s in scopes for k in OPTIONAL),
        *((Watch(kind=VOLUME, label_selector=_OURS),) if volumes else ()),
        *_gateway_watches(gateway_service),
    )


def _gateway_watches(service: str) -> tuple[Watch, ...]:
    namespace, _, name = service.partition("/")
    return (
        Watch(kind=GATEWAY_SERVICE, namespace=namespace, field_selector=f"metadata.name={name}"),
        Watch(kind=GATEWAY_SLICE, namespace=namespace, label_selector=f"{SLICE_SERVICE}={name}"),
    )
