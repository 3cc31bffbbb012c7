"""What ``doctor`` judges: one function for each check, from what was read to a verdict with a way to fix it. Pure.

What was read is None where there is nothing, or a text where it may not be read.
"""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from mlendpoints.api.crd import Kind, make_crd

Read = Mapping[str, Any] | str | None
Verdict = Literal["ok", "unknown", "warning", "failed"]
SYMBOLS: dict[Verdict, str] = {"ok": "✔", "unknown": "?", "warning": "!", "failed": "✖"}
INSTALL = "Install mlendpoints: `mlendpoints install`, or as in docs/how-to/install.md."
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


class Check(Struct, frozen=True):
    """What was found, and how to fix it."""

    verdict: Verdict
    text: str
    fix: str = ""

    def lines(self) -> list[str]:
        """For people."""
        return [f"{SYMBOLS[self.verdict]} {self.text}", *([f"    {self.fix}"] if self.fix else [])]


def _unread(what: str, read: str) -> Check:
    return Check("unknown", f"{what}: {read}")


def check_kubernetes(version: Read) -> Check:
    """Whether the API server responds, and is new enough."""
    if not isinstance(version, Mapping):
        return Check("failed", f"Kubernetes: {version or 'no version'}")
    found = version.get("gitVersion", "unknown")
    minor = "".join(character for character in str(version.get("minor", "")) if character.isdecimal())
    if minor and int(minor) < 30:
        return Check("failed", f"Kubernetes {found} is too old.", "Upgrade it to 1.30 or newer.")
    return Check("ok", f"Kubernetes {found} responds.")


def check_crd(kind: Kind, crd: Read) -> Check:
    """Whether the kind's CRD is installed, and has every field that this release knows."""
    name = f"The CRD of {kind.KIND}"
    if isinstance(crd, str):
        return _unread(name, crd)
    if crd is None:
        return Check("failed", f"{name} is not installed.", INSTALL)
    missing = sorted(_spec_fields(make_crd(kind)) - _spec_fields(crd))
    if missing:
        fix = "Apply the CRDs of this release (deploy/crds), or use the command line of the installed release."
        return Check("failed", f"{name} is older than this program: it has no spec.{', spec.'.join(missing)}.", fix)
    return Check("ok", f"{name} is installed.")


def _spec_fields(crd: Mapping[str, Any]) -> set[str]:
    schemas = (version["schema"]["openAPIV3Schema"] for version in crd["spec"]["versions"] if version["served"])
    return {field for schema in schemas for field in schema["properties"]["spec"]["properties"]}


def check_operator(deployments: Read) -> Check:
    """Whether an operator runs."""
    if isinstance(deployments, str):
        return _unread("The operator's Deployment", deployments)
    found = (deployments or {}).get("items", [])
    if not found:
        return Check("failed", "The operator is not installed.", INSTALL)
    place = "{namespace}/{name}".format_map(found[0]["metadata"])
    if not found[0].get("status", {}).get("readyReplicas"):
        fix = f"See kubectl describe deployment {found[0]['metadata']['name']} -n {found[0]['metadata']['namespace']}."
        return Check("failed", f"No pod of the operator {place} is ready.", fix)
    return Check("ok", f"The operator {place} is ready.")


def check_istio(group: Read) -> Check:
    """Whether Istio's kinds exist."""
    if isinstance(group, str):
        return _unread("Istio's kinds", group)
    if group is None or "v1" not in {version["version"] for version in group.get("versions", ())}:
        return Check("failed", "Istio's kinds (networking.istio.io/v1) do not exist.", "Install Istio 1.22 or newer.")
    return Check("ok", "Istio's kinds are installed.")


def check_gateway(place: str, service: Read) -> Check:
    """Whether the gateway's Service exists and has an address."""
    if isinstance(service, str):
        return _unread(f"The gateway's Service {place}", service)
    if service is None:
        fix = "Install Istio's ingress gateway, or name its Service: --gateway here, gateway.service of the chart."
        return Check("failed", f"The gateway's Service {place} does not exist.", fix)
    if service["spec"].get("type") == "LoadBalancer" and not service.get("status", {}).get("loadBalancer"):
        fix = "Install a load balancer, or reach it by its cluster IP or a forwarded port (--gateway)."
        return Check("warning", f"The gateway's Service {place} has no external address.", fix)
    return Check("ok", f"The gateway's Service {place} exists.")


def check_right(verb: str, resource: str, namespace: str, review: Read) -> Check:
    """Whether the user may do something in the namespace."""
    what = f"{verb} {resource} in the namespace {namespace}"
    if not isinstance(review, Mapping):
        return _unread(f"The right to {what}", review or "no answer")
    if not review.get("status", {}).get("allowed"):
        role = "view" if verb in ("get", "list", "watch") else "edit"
        return Check("failed", f"You may not {what}.", f"Ask an administrator for the role {role} in the namespace.")
    return Check("ok", f"You may {what}.")


def check_storage(classes: Read) -> Check:
    """Whether claims without a StorageClass get a volume."""
    if isinstance(classes, str):
        return _unread("StorageClasses", classes)
    found = (classes or {}).get("items", [])
    names = [item["metadata"]["name"] for item in found]
    default = [i for i in found if i["metadata"].get("annotations", {}).get(_DEFAULT_CLASS) == "true"]
    if default:
        return Check("ok", f"The default StorageClass is {default[0]['metadata']['name']}.")
    known = f" Known: {', '.join(names)}." if names else ""
    fix = f"Mark one as the default, or set storageClass of each MLModel and variant.{known}"
    return Check("warning", "There is no default StorageClass.", fix)


def check_prometheus(group: Read) -> Check:
    """Whether Prometheus' operator finds pods by PodMonitors."""
    if isinstance(group, str):
        return _unread("PodMonitors", group)
    if group is None:
        fix = "Without Prometheus' operator, pods are found by their annotations: docs/how-to/monitor.md."
        return Check("warning", "The kind PodMonitor does not exist.", fix)
    return Check("ok", "Prometheus' operator is installed.")
