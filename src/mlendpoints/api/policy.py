"""Instances and finalizers: who may create, change and delete them, as a policy; and helpers of all policies.

An instance contains what no user may choose: the images of the operator's own
containers and a node directory that was checked against the operator's list of
allowed prefixes. So an object with ``spec.instance`` may be *created* by the
operator's ServiceAccount only, not even by cluster administrators. Restoring
instances from a backup is rejected, which loses nothing: the operator
re-creates them from the templates.

An instance that serves must not be deleted by mistake (``kubectl get mlm`` lists
instances among the templates), nor be moved to another endpoint. So users may
neither delete one nor edit its labels, finalizers and owner references. Exempt are

- the operator;
- Kubernetes' own controllers, which delete what has lost its owner or its
  namespace, and write owner references (orphaning) and finalizers (foreground
  deletion). They have user names of their own, or that of their manager;
- users with the verb ``manage-instances``: for administrators in an emergency.

The CRD's own rules protect the rest of an instance, from all users: nothing but
``spec.replicas`` may change, which users may scale if RBAC allows it.
The one exception is the operator's part of ``spec.instance`` (images and the
revision of the pod template), which only the operator may refreeze.

The operator's finalizer keeps an endpoint until its routes are gone. A tenant who
removed it, and orphaned the dependents, would leave unmanaged routes without
having any rights to Istio's objects. So removing it requires the verb as well,
for clusters where the operator was uninstalled. Kubernetes' own controllers never do it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from mlendpoints.api import labels
from mlendpoints.api.crd import KINDS
from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.meta import GROUP, VERSION
from mlendpoints.api.model import Model

NAME: Final = f"instances.{GROUP}"
OPERATOR: Final = "system:serviceaccount:machine-learning:mlendpoints-operator"
MANAGE: Final = "manage-instances"  # a verb of our own, which `*` includes
COLLECTORS: Final = (
    "system:serviceaccount:kube-system:generic-garbage-collector",
    "system:serviceaccount:kube-system:namespace-controller",
    "system:kube-controller-manager",  # runs both, where it has no credentials for each
)

Manifest = dict[str, Any]

_PROTECTED: Final = ("labels", "finalizers", "ownerReferences")
_MANAGED: Final = (
    f"authorizer.group('{GROUP}').resource(request.resource.resource).namespace(request.namespace)"
    f".name(oldObject.metadata.name).check('{MANAGE}').allowed()"
)
_ASK: Final = f"; administrators need the verb {MANAGE}"
_ENDPOINTS: Final = KINDS[Endpoint].plural
_HELD: Final = f"'{labels.ROUTES_FINALIZER}' in {{0}}.metadata.?finalizers.orValue([])"
_FREED: Final = (
    f"request.resource.resource == '{_ENDPOINTS}' && {_HELD.format('oldObject')} && !({_HELD.format('object')})"
)


def make_policies(operator: str = OPERATOR) -> list[Manifest]:
    """The policy and its binding; ``operator`` is the user name of the operator's ServiceAccount."""
    return make_policy(
        NAME,
        rules=[
            match_resources(GROUP, [KINDS[kind].plural for kind in (Model, EndpointConfig)], version=VERSION),
            match_resources(GROUP, [_ENDPOINTS], version=VERSION, operations=["UPDATE"]),
        ],
        conditions={
            "protected": f"{_is_instance('object')} || {_is_instance('oldObject')} || {_FREED}",
            "others": f"request.userInfo.username != '{operator}'",
        },
        variables={
            "collects": f"request.userInfo.username in {list(COLLECTORS)}",
            "endpoint": f"request.resource.resource == '{_ENDPOINTS}'",
        },
        validations=[
            {
                "expression": f"!variables.endpoint || {_MANAGED}",
                "message": f"the finalizer {labels.ROUTES_FINALIZER} keeps the endpoint until the mlendpoints operator "
                "has removed its routes; keep it in metadata.finalizers (kubectl apply does, kubectl replace does not)"
                f"{_ASK}",
                "reason": "Forbidden",
            },
            {
                "expression": "request.operation != 'UPDATE' || object.spec.?instance == oldObject.spec.?instance",
                "message": "this is an instance, whose spec.instance only the mlendpoints operator may change; "
                "edit the template that it was created from",
                "reason": "Forbidden",
            },
            {
                "expression": "request.operation != 'CREATE'",
                "message": "instances are created by the mlendpoints operator only; "
                "create a template, without spec.instance, and an endpoint that uses it",
                "reason": "Forbidden",
            },
            {
                "expression": f"request.operation != 'DELETE' || variables.collects || {_MANAGED}",
                "message": "this is an instance, which the mlendpoints operator deletes once it is unused; "
                f"edit or delete the endpoint, its config or its models{_ASK}",
                "reason": "Forbidden",
            },
            {
                "expression": f"request.operation != 'UPDATE' || variables.endpoint || ({_unchanged()}) || "
                f"variables.collects || {_MANAGED}",
                "message": "this is an instance, whose labels, finalizers and owner references only the mlendpoints "
                f"operator may change; edit the template that it was created from{_ASK}",
                "reason": "Forbidden",
            },
        ],
    )


def make_policy(
    name: str,
    *,
    rules: list[Manifest],
    conditions: Mapping[str, str],
    variables: Mapping[str, str],
    validations: list[Manifest],
) -> list[Manifest]:
    """A policy that fails closed, and the binding that enforces it in all namespaces."""
    metadata = {"name": name, "labels": {"app.kubernetes.io/part-of": "mlendpoints"}}
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": metadata,
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": rules},
            "matchConditions": [{"name": key, "expression": cel} for key, cel in conditions.items()],
            "variables": [{"name": key, "expression": cel} for key, cel in variables.items()],
            "validations": validations,
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": metadata,
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    return [policy, binding]


def match_resources(
    group: str,
    resources: list[str],
    *,
    version: str = "*",
    operations: Iterable[str] = ("CREATE", "UPDATE", "DELETE"),
) -> Manifest:
    """The resources of a group that a policy matches."""
    return {
        "apiGroups": [group],
        "apiVersions": [version],
        "operations": list(operations),
        "resources": resources,
    }


def deny_unless(cel: str, what: str) -> Manifest:
    """A validation of the operator's own writes; ``what`` completes a sentence about it."""
    return {"expression": cel, "message": f"the mlendpoints operator {what}", "reason": "Forbidden"}


def _is_instance(obj: str) -> str:
    return f"{obj} != null && has({obj}.spec) && has({obj}.spec.instance)"


def _unchanged() -> str:
    new, old = ("object.metadata.?{0}.orValue({1})", "oldObject.metadata.?{0}.orValue({1})")
    empty = {"labels": "{}"}
    pairs = ((new.format(name, empty.get(name, "[]")), old.format(name, empty.get(name, "[]"))) for name in _PROTECTED)
    return " && ".join(f"{after} == {before}" for after, before in pairs)
