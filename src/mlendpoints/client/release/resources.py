"""The kinds that an installation has, and where the API server has their objects. Pure."""

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.kinds import DEPLOYMENT, NETWORK_POLICY, SERVICE, Kind

NAMESPACE = Kind(name="Namespace", api_version="v1", plural="namespaces", namespaced=False)
CRD = Kind(
    name="CustomResourceDefinition",
    api_version="apiextensions.k8s.io/v1",
    plural="customresourcedefinitions",
    namespaced=False,
)


def _of_rbac(name: str, *, namespaced: bool) -> Kind:
    return Kind(name=name, api_version="rbac.authorization.k8s.io/v1", plural=f"{name.lower()}s", namespaced=namespaced)


def _of_admission(name: str, plural: str) -> Kind:
    return Kind(name=name, api_version="admissionregistration.k8s.io/v1", plural=plural, namespaced=False)


PRUNED = (  # in the order in which they are deleted: the operator first, its rights last
    DEPLOYMENT,
    SERVICE,
    NETWORK_POLICY,
    _of_admission("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"),
    _of_admission("ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
    _of_rbac("RoleBinding", namespaced=True),
    _of_rbac("Role", namespaced=True),
    _of_rbac("ClusterRoleBinding", namespaced=False),
    _of_rbac("ClusterRole", namespaced=False),
    Kind(name="ServiceAccount", api_version="v1", plural="serviceaccounts"),
)
BY_NAME = {kind.name: kind for kind in (NAMESPACE, CRD, *PRUNED)}


def ref_of(obj: Manifest) -> Ref:
    """The reference to an object of an installation."""
    return Ref(obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def path_of(ref: Ref) -> str:
    """Its path."""
    return BY_NAME[ref.kind].path(ref.namespace, ref.name)
