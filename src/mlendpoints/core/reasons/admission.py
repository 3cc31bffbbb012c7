"""Rejected pods: why the API server does not admit them, with the container and the field that cause it.

ResourceQuota and LimitRange report numbers only: ``minimum cpu usage per Container
is 100m, but request is 10m``. The instance says which container requests that, and
whose it is. The sentences are those of ``plugin/pkg/admission`` of Kubernetes;
others are passed on unchanged.
"""

import re
from collections.abc import Iterator

from mlendpoints.api.model import Model
from mlendpoints.api.reasons import Reason
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.deployment import make_pod
from mlendpoints.core.quantities import canonical_quantity, exact
from mlendpoints.core.reasons.quota import is_quota
from mlendpoints.core.reasons.quoting import quoted

_PODS = re.compile(r'^(?:Error creating: )?pods "[^"]*" is forbidden: ')
_NO_ACCOUNT = re.compile(r'error looking up service account \S+: serviceaccount "[^"]*" not found')
_PACKETS = re.compile(r"violates PodSecurity .*NET_RAW")
_NO_PACKETS = (
    "The namespace does not allow capture.engine: gor. Use engine: nginx, or ask an administrator to label the"
    " namespace pod-security.kubernetes.io/enforce: privileged; pods are then created automatically."
)
_LIMIT = re.compile(
    r"(?:minimum|maximum) (?P<resource>\S+) usage per Container is [^,]+,"
    r" but (?P<side>request|limit) is (?P<amount>\w+)"
)
_RATIO = re.compile(
    r"(?P<resource>\S+) max limit to request ratio per Container is [^,]+, but provided ratio is (?P<ratio>[\d.]+)"
)
PROXY_RESOURCES, FETCHER_RESOURCES = "nginx.resources", "modelInit.resources"  # values of the chart
_CREATE_ACCOUNT = "Create it, or correct serviceAccountName; pods are then created automatically."
_OPERATORS = {"nginx": PROXY_RESOURCES, "model-init": FETCHER_RESOURCES}


def explain_rejection(message: str, instance: Model | None) -> tuple[Reason, str]:
    """The reason and the message for a pod that the API server does not admit."""
    if is_quota(message):
        return Reason.QUOTA_EXCEEDED, _sentence(message) + _way_out(message)
    if _NO_ACCOUNT.search(message):
        return Reason.REFERENCE_NOT_FOUND, f"{_sentence(message)} {_CREATE_ACCOUNT}"
    if _PACKETS.search(message):
        return Reason.INVALID_SPEC, f"{_sentence(message)} {_NO_PACKETS}"
    blamed = dict.fromkeys(_blamed(message, make_pod(instance))) if instance is not None else {}
    several = len({what for _, what in blamed}) > 1
    text = (_whose(name, f"The {what} is that of" if several else "That is") for name, what in blamed)
    return Reason.INVALID_SPEC, _sentence(message) + "".join(f" {sentence}" for sentence in text)


def _sentence(message: str) -> str:
    """Without the pod's name, which differs at each retry."""
    return f"{quoted(_PODS.sub('Pods are forbidden: ', message)).rstrip('. ')}."


def _way_out(message: str) -> str:
    """The quota's resources that no container specifies, and how to set a default."""
    missing = message.partition("must specify ")[2].rstrip(".").split("; ")
    names = sorted({name for each in missing for name in each.partition(" for: ")[0].split(",") if name})
    if not names:
        return ""
    fields = sorted({"defaultRequest" if name.startswith("requests.") else "default" for name in names})
    return (
        f" Create a LimitRange in the namespace that sets {' and '.join(fields)} of {', '.join(names)} for containers,"
        " at least as much as the model requests; pods are then created automatically."
    )


def _blamed(message: str, pod: Manifest) -> Iterator[tuple[str, str]]:
    """The containers that request what was rejected, and what that is."""
    containers = (*pod.get("initContainers", ()), *pod["containers"])
    for found in _LIMIT.finditer(message):
        amounts = ((c["name"], _amount(c, f"{found['side']}s", found["resource"])) for c in containers)
        what = f"{found['resource']} {found['side']} of {found['amount']}"
        yield from (
            (name, what) for name, amount in amounts if amount and canonical_quantity(amount) == found["amount"]
        )
    for found in _RATIO.finditer(message):
        ratios = ((c["name"], _ratio(c, found["resource"])) for c in containers)
        what = f"{found['resource']} ratio of {found['ratio']}"
        yield from ((name, what) for name, ratio in ratios if ratio == found["ratio"])


def _amount(container: Manifest, side: str, resource: str) -> str:
    return str(container["resources"].get(side, {}).get(resource, ""))


def _ratio(container: Manifest, resource: str) -> str:
    """As Go prints a float; empty where nothing is limited or requested."""
    limit, request = _amount(container, "limits", resource), _amount(container, "requests", resource)
    return f"{float(exact(limit) / exact(request)):f}" if limit and request and exact(request) else ""


def _whose(container: str, what: str) -> str:
    if value := _OPERATORS.get(container):
        return (
            f"{what} container {container}, which the operator adds: an administrator can change it with the value"
            f" {value} of the operator's chart, or change the LimitRange."
        )
    return f"{what} container {container}: change cpus, memory or resources in the spec, or the LimitRange."
