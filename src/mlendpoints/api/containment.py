"""Containment: what the operator's own user may write, as a ValidatingAdmissionPolicy that limits a stolen token.

RBAC grants kinds, not objects: with RBAC alone, the operator's token could
create a privileged Deployment in ``kube-system``. So its writes are limited to
what the operator does, resource by resource:

- in no namespace of the system, of Istio or of the gateway; in its own nothing
  but its Lease and events. Objects from before may be deleted, and finalizers removed;
- of users' objects only an endpoint's finalizers (statuses have no ``spec`` to write);
- all that it creates carries its label and is controlled by an object of our
  kinds; what it changes or deletes is such an object, or one that carries its
  label and lost its owner, which it adopts. PersistentVolumes have no owner: they
  are ``local``, of our class, and belong to the claim that they are named after;
- of labels, annotations and finalizers it writes only its own (see ``containment_metadata``);
- pods get no more access to their node than an ordinary tenant's, neither by their spec nor by labels and
  annotations that injectors read (see ``containment_pods``);
- Services, routes and PodMonitors concern the objects of their own namespace, and say what the operator's say (see
  ``containment_routes``, ``containment_monitors``).

SECURITY.md describes what remains.
"""

from typing import Final

from mlendpoints.api import (
    containment_metadata,
    containment_monitors,
    containment_network,
    containment_pods,
    containment_routes,
    labels,
)
from mlendpoints.api.containment_pods import CLAIM, is_new_volume
from mlendpoints.api.crd import KINDS
from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.meta import API_VERSION, GROUP
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model
from mlendpoints.api.policy import OPERATOR, Manifest, deny_unless, make_policy, match_resources

NAME: Final = f"operator.{GROUP}"
LEASE: Final = "mlendpoints-operator"
VOLUME_CLASS: Final = "mlendpoints-path"
# Replaced by the chart: closedNamespaces and the namespace of the gateway.
CLOSED: Final = ("kube-system", "kube-public", "kube-node-lease", "istio-system", "istio-ingress")
CHILDREN: Final[dict[str, list[str]]] = {
    "apps": ["deployments"],
    "batch": ["jobs"],
    "": ["services", "persistentvolumeclaims"],
    "networking.k8s.io": ["networkpolicies"],
    "networking.istio.io": ["virtualservices", "gateways", "destinationrules"],
    "monitoring.coreos.com": ["podmonitors"],
}

# What is written, and what the API server fills in.
SERVICE: Final = (
    *("type", "selector", "ports", "publishNotReadyAddresses"),
    *("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy", "sessionAffinity"),
)

_INSTANCES: Final = [KINDS[Model].plural, KINDS[EndpointConfig].plural]
_CHILDREN: Final = [resource for resources in CHILDREN.values() for resource in resources]
_WRITES: Final = ("CREATE", "UPDATE")
_OURS: Final = f"?labels[?'{labels.MANAGED_BY}'].orValue('') == '{labels.MANAGER}'"
_CONTROLLED: Final = (
    "?ownerReferences.orValue([]).exists(owner, owner.?controller.orValue(false) && "
    f"owner.apiVersion == '{API_VERSION}' && owner.kind in {[kind.KIND for kind in (Endpoint, Model, MLModel)]})"
)
_ORPHANED: Final = "!{0}.metadata.?ownerReferences.orValue([]).exists(owner, owner.?controller.orValue(false))"
_OPEN: Final = (
    "!(variables.place in variables.closed) && (variables.place != variables.own || "
    f"variables.kind == 'events' || variables.kind == 'leases' && request.name == '{LEASE}')"
)
_CLEANED: Final = [KINDS[Endpoint].plural, *_INSTANCES]  # deleted once the operator has removed its finalizer
_VARIABLES: Final = {
    "kind": "request.resource.resource",
    "place": "request.?namespace.orValue('')",
    "own": "request.userInfo.username.split(':')[2]",
    "closed": str(list(CLOSED)),
    "gateway": "'istio-ingress'",  # replaced by the chart
    "prefixes": "[]",  # replaced by the chart: allowedPathPrefixes; without any, no volumes are created
    "writes": f"request.operation in {list(_WRITES)}",
    "namespaced": f"variables.kind in {_CHILDREN + _INSTANCES}",
    "leaves": f"variables.namespaced && request.operation == 'DELETE' || variables.kind in {_CLEANED} && "
    "request.operation == 'UPDATE'",
    **containment_metadata.VARIABLES,
    **containment_pods.VARIABLES,
    **containment_routes.VARIABLES,
}


def make_policies(operator: str = OPERATOR) -> list[Manifest]:
    """The policy and its binding; ``operator`` is the user name of the operator's ServiceAccount."""
    return make_policy(
        NAME,
        rules=[
            match_resources(GROUP, _CLEANED),
            *(match_resources(group, resources) for group, resources in CHILDREN.items()),
            match_resources("", ["persistentvolumes"]),
            match_resources("events.k8s.io", ["events"]),
            match_resources("coordination.k8s.io", ["leases"]),
        ],
        conditions={"operator": f"request.userInfo.username == '{operator}'"},
        variables=_VARIABLES,
        validations=[
            *_places(),
            *_owners(),
            *containment_metadata.make_validations(),
            *containment_pods.make_validations(),
            *_services(),
            *_storage(),
            *containment_routes.make_validations(),
            *containment_network.make_validations(),
            *containment_monitors.make_validations(),
            *_others(),
        ],
    )


def _places() -> list[Manifest]:
    return [
        deny_unless(
            f"variables.leaves || {_OPEN}",
            "writes nothing in the namespaces of the system and of the gateway, and in its own only its Lease; "
            "it may only clean up there",
        )
    ]


def _owners() -> list[Manifest]:
    return [
        deny_unless(
            f"!(variables.kind in {_INSTANCES}) || has((object != null ? object : oldObject).spec.instance)",
            "writes instances, never templates",
        ),
        deny_unless(
            f"!variables.writes || !(variables.kind in {_CHILDREN} || variables.namespaced && "
            f"request.operation == 'CREATE') || object.metadata.{_OURS} && object.metadata.{_CONTROLLED}",
            "writes only objects with its label that an object of its own kinds controls",
        ),
        deny_unless(
            "!variables.writes || object.metadata.?ownerReferences.orValue([]).all(owner, "
            f"owner.apiVersion == '{API_VERSION}' || oldObject != null && "
            "owner in oldObject.metadata.?ownerReferences.orValue([]))",
            "names no owners but objects of its own kinds",
        ),
        deny_unless(
            f"!variables.namespaced || oldObject == null || oldObject.metadata.{_CONTROLLED} || "
            f"oldObject.metadata.{_OURS} && {_ORPHANED.format('oldObject')}",
            "changes and deletes only what an object of its own kinds controls, or what carries its label and has "
            "no controller",
        ),
        deny_unless(
            f"variables.kind != '{KINDS[Endpoint].plural}' || request.operation == 'UPDATE' && "
            "object.spec == oldObject.spec && " + " && ".join(_unchanged(name, empty) for name, empty in _KEPT.items()),
            "writes nothing of an endpoint but its finalizers and its status",
        ),
    ]


_KEPT: Final = {"labels": "{}", "annotations": "{}", "ownerReferences": "[]"}


def _unchanged(name: str, empty: str) -> str:
    new, old = (f"{obj}.metadata.?{name}.orValue({empty})" for obj in ("object", "oldObject"))
    return f"{new} == {old}"


def _services() -> list[Manifest]:
    return [
        deny_unless(
            "!variables.writes || variables.kind != 'services' || "
            "object.spec.?type.orValue('ClusterIP') == 'ClusterIP' && "
            f"object.spec.?selector[?'{labels.MANAGED_BY}'].orValue('') == '{labels.MANAGER}'",
            "creates Services of type ClusterIP that select its own pods",
        ),
        deny_unless(
            "!variables.writes || variables.kind != 'services' || "
            f"object.spec.all(key, key in {list(SERVICE)} || oldObject != null && "
            "key in oldObject.spec && object.spec[key] == oldObject.spec[key])",
            f"writes these fields of Services only: {', '.join(SERVICE)}",
        ),
    ]


def _storage() -> list[Manifest]:
    volume = "variables.kind != 'persistentvolumes'"
    claim = "object.spec.?claimRef"
    return [
        deny_unless(
            "variables.kind != 'persistentvolumeclaims' || request.operation != 'CREATE' || "
            f"object.spec.all(key, key in {[*CLAIM, 'volumeName']}) && {is_new_volume('object.spec')}",
            f"creates claims of new volumes, neither copies nor selected ones, with these fields: {', '.join(CLAIM)}",
        ),
        deny_unless(
            "variables.kind != 'persistentvolumeclaims' || !variables.writes || "
            "object.spec.?volumeName.orValue('') in ['', variables.place + '.' + object.metadata.name] || "
            "oldObject != null && object.spec.?volumeName == oldObject.spec.?volumeName",
            "has claims bound to no other volume than the one that is named after the claim",
        ),
        deny_unless(
            f"{volume} || [object, oldObject].filter(each, each != null).all(each, each.metadata.{_OURS} && "
            f"each.spec.?storageClassName.orValue('') == '{VOLUME_CLASS}' && has(each.spec.local))",
            f"writes only local PersistentVolumes of class {VOLUME_CLASS} with its label",
        ),
        deny_unless(
            f"{volume} || !variables.writes || object.metadata.name == "
            f"{claim}.?namespace.orValue('') + '.' + {claim}.?name.orValue('')",
            "writes PersistentVolumes that belong to the claim that they are named after",
        ),
        deny_unless(
            f"{volume} || request.operation != 'CREATE' || "
            f"object.spec.local.path in variables.prefixes.map(prefix, prefix + '/' + {claim}.?namespace.orValue(''))",
            "creates PersistentVolumes of the directory PREFIX/NAMESPACE of an allowed prefix only",
        ),
    ]


def _others() -> list[Manifest]:
    return [
        deny_unless(
            "variables.kind != 'events' || "
            f"request.operation == 'CREATE' && object.regarding.apiVersion == '{API_VERSION}'",
            "creates events about objects of its own kinds",
        )
    ]
