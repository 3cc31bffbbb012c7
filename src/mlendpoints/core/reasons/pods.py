"""Why the pods of an instance or MLModel are not ready: the first reason that a person can act on."""

import re
from collections.abc import Iterable

from mlendpoints.api.model import Model
from mlendpoints.api.reasons import Reason
from mlendpoints.core.findings import Finding
from mlendpoints.core.manifests.sidecars import optional_sidecars
from mlendpoints.core.reasons.admission import explain_rejection
from mlendpoints.core.reasons.containers import container_finding, never_starts, probe_fails
from mlendpoints.core.reasons.mounts import last_mount_error, not_mounted
from mlendpoints.core.reasons.probes import failing, unhealthy
from mlendpoints.core.reasons.quoting import quoted
from mlendpoints.core.reasons.volumes import waits_for_volume
from mlendpoints.core.world import Child, PodFacts, Rejection

_FULL = re.compile(r'EmptyDir volume "artifact" exceeds the limit')  # pkg/kubelet/eviction
_NONE = frozenset[str]()
_FIND_A_NODE = "Request less (cpus, memory, resources), correct nodeSelector or tolerations, or add nodes."


def instance_findings(  # noqa: PLR0913 - all that is known of an instance
    name: str,
    *,
    deployment: Child | None,
    pods: Iterable[PodFacts],
    rejections: Iterable[Rejection],
    desired: int,
    ready: int,
    instance: Model | None = None,
) -> Finding:
    """Why the pods of model instance ``name`` are not all ready: the first reason that a person can act on."""
    for rejection in rejections:
        return Finding.no(rejection.reason, f"{name}: {quoted(rejection.message)}")
    if deployment is not None and deployment.failure:
        reason, message = explain_rejection(deployment.failure, instance)
        return Finding.no(reason, f"{name}: {message}")
    pods = sorted(pods, key=lambda pod: pod.name)
    optional = optional_sidecars(instance) if instance else _NONE
    for pod in pods:
        if pod.ready or pod.deleting:
            continue
        if finding := _too_large(pod) if pod.has_ended else pod_finding(pod, optional):
            return finding
    return _starting(name, pods, desired=desired, ready=ready)


def _starting(name: str, pods: list[PodFacts], *, desired: int, ready: int) -> Finding:
    """Nothing has failed yet: how many pods are ready, and what the others are waiting for."""
    text = f"{name}: {ready} of {desired} pods are ready."
    if ready >= desired:
        text = f"{name}: its Deployment is being updated."
    if failure := _failing(pods):
        return Finding.wait(Reason.PROBE_FAILED, f"{text} {failure} While a model loads, this is normal.")
    return Finding.wait(Reason.INSTANCES_STARTING, f"{text}{describe_pending_mounts(pods)}{describe_evictions(pods)}")


def _failing(pods: Iterable[PodFacts]) -> str:
    """The first probe that fails without having stopped its container yet, as a sentence."""
    for pod in pods:
        container = unhealthy(pod)
        if container is not None and (failure := failing(pod, container)):
            return f"Pod {pod.name}, container {container.name}: {probe_fails(container, failure)}"
    return ""


def describe_evictions(pods: Iterable[PodFacts]) -> str:
    """The last pod that was evicted or otherwise terminated, as a further sentence; empty if there is none."""
    found = (pod for pod in pods if pod.end and not pod.deleting)
    last = max(found, key=lambda pod: pod.not_ready_since, default=None)
    if last is None:
        return ""
    return f" Pod {last.name} was terminated: {quoted(last.end).rstrip('. ')}. It is replaced automatically."


def added_by_others(deployments: Iterable[Child | None]) -> str:
    """What others added to the pod template of a frozen version, as further sentences; empty if there is nothing."""
    found = [child for child in deployments if child is not None and child.additions]
    text = "; ".join(f"Deployment {child.ref.name}: {quoted(child.additions)}" for child in found[:2])
    if not text:
        return ""
    return (
        f" Its pods have fields that are not part of this version ({text})."
        " Set it in the model's spec, and remove it from the Deployment."
    )


def pod_finding(pod: PodFacts, optional: frozenset[str] = _NONE) -> Finding | None:
    """Why a pod is not ready, if its status says so. A terminated pod counts only if another would end the same way.

    ``optional`` containers come last, and only if they keep the pod from ever being ready.
    """
    if pod.end:
        return _too_large(pod)
    if pod.unschedulable:
        text = f"Pod {pod.name} cannot be scheduled: {quoted(pod.unschedulable).rstrip('. ')}."
        return Finding.no(Reason.UNSCHEDULABLE, text if waits_for_volume(pod) else f"{text} {_FIND_A_NODE}")
    if finding := unmounted(pod):
        return finding
    for container in sorted(pod.containers, key=lambda container: container.name in optional):
        assess = never_starts if container.name in optional else container_finding
        if not container.ready and (finding := assess(pod, container)):
            return finding
    return None


def unmounted(pod: PodFacts) -> Finding | None:
    """A Secret or ConfigMap to be mounted does not exist: the kubelet reports it in events."""
    missing = not_mounted(pod)
    if not missing:
        return None
    return Finding.no(
        Reason.REFERENCE_NOT_FOUND,
        f"Pod {pod.name} cannot start: {missing} does not exist. Create it, or correct its name in the spec;"
        " the pod then starts automatically.",
    )


def describe_pending_mounts(pods: Iterable[PodFacts]) -> str:
    """What the first pod that cannot start is waiting for, as a further sentence; empty if there is none.

    A pod's status does not say which of its volumes cannot be mounted, nor why: only events do.
    """
    for pod in pods:
        if pod.pending_mounts and not pod.deleting:
            volumes = " and ".join(pod.pending_mounts)
            each = "each" if len(pod.pending_mounts) > 1 else "it"
            return (
                f" Pod {pod.name} is waiting for {volumes} to be mounted."
                f" If this persists, check that {each} exists and can be mounted on its node.{last_mount_error(pod)}"
            )
    return ""


def _too_large(pod: PodFacts) -> Finding | None:
    """Evicted since the artifact exceeded its volume's limit; another pod would be evicted as well."""
    if not _FULL.search(pod.end):
        return None
    return Finding.no(
        Reason.ARTIFACT_TOO_LARGE,
        f"Pod {pod.name}: {quoted(pod.end).rstrip('. ')}. Give the variant or MLModel a larger size.",
    )


def deadline_finding(seconds: int, why: Finding, pods: Iterable[PodFacts]) -> Finding:
    """The finding of an update that timed out: its pods' reason, else that they never became ready."""
    if why.ok is False:
        return Finding.no(why.reason, f"Not ready within {seconds} s. {why.message}")
    for pod in sorted(pods, key=lambda pod: pod.name):
        if container := unhealthy(pod):
            failure = failing(pod, container)
            text = (
                f"container {container.name} is running, but {probe_fails(container, failure)}"
                if failure
                else f"container {container.name} is running, but the probe ({container.probe}) does not succeed."
            )
            return Finding.no(Reason.PROBE_FAILED, f"Not ready within {seconds} s. Pod {pod.name}: {text}")
    return Finding.no(Reason.DEADLINE_EXCEEDED, f"Not ready within {seconds} s. {why.message}")
