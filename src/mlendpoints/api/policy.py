"""Who may make instances: the operator alone, said as a ValidatingAdmissionPolicy.

An instance holds what no user may choose: the images of the operator's own
containers and a node directory that has passed the operator's list of allowed
prefixes. So an object with ``spec.instance`` may be *created* by the operator's
ServiceAccount only, cluster administrators included.

Nothing else needs a policy, and more would do harm:

- Updates are bound by the CRD's own rules for everybody: ``spec.instance`` can be
  neither added nor removed, and in an instance nothing but ``spec.replicas`` may
  change. That much users may do (``kubectl scale``, autoscalers, ``kubectl edit``),
  as far as RBAC lets them; and Kubernetes' own controllers must go on writing
  finalizers and owner references.
- Deletion is not restricted: the garbage collector, the deletion of a namespace
  and people cleaning up need it, and the operator makes anew what is missing.
- A backup that restores instances is refused them, which loses nothing: the
  operator makes them again from the templates.
"""

from typing import Any, Final

from mlendpoints.api.crd import KINDS
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.meta import GROUP, VERSION
from mlendpoints.api.model import Model

NAME: Final = f"instances.{GROUP}"
OPERATOR: Final = "system:serviceaccount:machine-learning:mlendpoints-operator"


def make_policy(operator: str = OPERATOR) -> dict[str, Any]:
    """The policy; ``operator`` is the user name of the operator's ServiceAccount."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": NAME, "labels": {"app.kubernetes.io/part-of": "mlendpoints"}},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [_creations()]},
            "matchConditions": [{"name": "instances", "expression": "has(object.spec.instance)"}],
            "validations": [
                {
                    "expression": f"request.userInfo.username == '{operator}'",
                    "message": "instances are made by the mlendpoints operator alone; "
                    "create a template, without spec.instance, and an endpoint that uses it",
                    "reason": "Forbidden",
                }
            ],
        },
    }


def make_binding() -> dict[str, Any]:
    """Puts the policy in force in all namespaces."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": NAME, "labels": {"app.kubernetes.io/part-of": "mlendpoints"}},
        "spec": {"policyName": NAME, "validationActions": ["Deny"]},
    }


def _creations() -> dict[str, Any]:
    return {
        "apiGroups": [GROUP],
        "apiVersions": [VERSION],
        "operations": ["CREATE"],
        "resources": [KINDS[Model].plural, KINDS[EndpointConfig].plural],
    }
