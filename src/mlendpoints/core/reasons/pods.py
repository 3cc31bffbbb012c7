"""Why the pods of an instance or MLModel are not ready: the first reason that a person can act on."""

import re
from collections.abc import Iterable

from mlendpoints.api.model import Model
from mlendpoints.api.reasons import Reason
from mlendpoints.core.findings import Finding
from mlendpoints.core.reasons.admission import rejection
from mlendpoints.core.reasons.containers import container_finding, probe_fails
from mlendpoints.core.reasons.mounts import mount_said, not_mounted
from mlendpoints.core.reasons.probes import failing, unhealthy
from mlendpoints.core.reasons.quoting import quoted
from mlendpoints.core.reasons.volumes import waits_for_volume
from mlendpoints.core.world import Child, PodFacts, Refusal

_FULL = re.compile(r'EmptyDir volume "artifact" exceeds the limit')  # pkg/kubelet/eviction
_FIND_A_NODE = "Request less (cpus, memory, resources), correct nodeSelector or tolerations, or add nodes."


def instance_findings(  # noqa: PLR0913 - all that is known of an instance
    name: str,
    *,
    deployment: Child | None,
    pods: Iterable[PodFacts],
    refusals: Iterable[Refusal],
    wanted: int,
    ready: int,
    instance: Model | None = None,
) -> Finding:
    """Why the pods of model instance ``name`` are not all ready: the first reason that a person can act on."""
    for refusal in refusals:
        return Finding.no(refusal.reason, f"{name}: {quoted(refusal.message)}")
    if deployment is not None and deployment.failure:
        reason, message = rejection(deployment.failure, instance)
        return Finding.no(reason, f"{name}: {message}")
    pods = sorted(pods, key=lambda pod: pod.name)
    for pod in pods:
        if pod.ready or pod.deleting:
            continue
        if finding := _too_large(pod) if pod.has_ended else pod_finding(pod):
            return finding
    return _starting(name, pods, wanted=wanted, ready=ready)


def _starting(name: str, pods: list[PodFacts], *, wanted: int, ready: int) -> Finding:
    """Nothing has failed so far: how many are ready, and what the others wait for."""
    said = f"{name}: {ready} of {wanted} pods are ready."
    if ready >= wanted:
        said = f"{name}: its Deployment is being updated."
    if failure := _failing(pods):
        return Finding.wait(Reason.PROBE_FAILED, f"{said} {failure} While a model loads, this is normal.")
    return Finding.wait(Reason.INSTANCES_STARTING, f"{said}{awaited(pods)}{ended(pods)}")


def _failing(pods: Iterable[PodFacts]) -> str:
    """The first probe that fails without having stopped its container yet, as a sentence."""
    for pod in pods:
        container = unhealthy(pod)
        if container is not None and (failure := failing(pod, container)):
            return f"Pod {pod.name}, container {container.name}: {probe_fails(container, failure)}"
    return ""


def ended(pods: Iterable[PodFacts]) -> str:
    """The pod that was the last to be ended from without, as a further sentence; empty if there is none."""
    found = (pod for pod in pods if pod.end and not pod.deleting)
    last = max(found, key=lambda pod: pod.not_ready_since, default=None)
    if last is None:
        return ""
    return f" Pod {last.name} has ended: {quoted(last.end).rstrip('. ')}. Another takes its place automatically."


def added_by_others(deployments: Iterable[Child | None]) -> str:
    """What others added to pods of a frozen version, as further sentences; empty if nobody did."""
    found = [child for child in deployments if child is not None and child.additions]
    said = "; ".join(f"Deployment {child.ref.name}: {quoted(child.additions)}" for child in found[:2])
    if not said:
        return ""
    return (
        f" Its pods have what is not part of this version ({said})."
        " Set it in the model's spec, and remove it from the Deployment."
    )


def pod_finding(pod: PodFacts) -> Finding | None:
    """What keeps a pod from being ready, if it says so. One that has ended for good is nobody's failure but its own."""
    if pod.end:
        return _too_large(pod)
    if pod.unschedulable:
        said = f"Pod {pod.name} finds no node: {quoted(pod.unschedulable).rstrip('. ')}."
        return Finding.no(Reason.UNSCHEDULABLE, said if waits_for_volume(pod) else f"{said} {_FIND_A_NODE}")
    if finding := unmounted(pod):
        return finding
    for container in pod.containers:
        if not container.ready and (finding := container_finding(pod, container)):
            return finding
    return None


def unmounted(pod: PodFacts) -> Finding | None:
    """A Secret or ConfigMap that is to be mounted does not exist: its node says so in events."""
    missing = not_mounted(pod)
    if not missing:
        return None
    return Finding.no(
        Reason.REFERENCE_NOT_FOUND,
        f"Pod {pod.name} cannot start: {missing} does not exist. Create it, or correct the name that the spec has;"
        " the pod starts automatically when it finds what it needs.",
    )


def awaited(pods: Iterable[PodFacts]) -> str:
    """What the first pod that cannot even start waits for, as a further sentence; empty if there is none.

    A node does not say in the pod's status which of its volumes it cannot mount, nor why: only events do.
    """
    for pod in pods:
        if pod.awaited and not pod.deleting:
            things, each = " and ".join(pod.awaited), "each" if len(pod.awaited) > 1 else "it"
            return (
                f" Pod {pod.name} waits on its node for {things}."
                f" If this lasts, check that {each} exists and can be mounted there.{mount_said(pod)}"
            )
    return ""


def _too_large(pod: PodFacts) -> Finding | None:
    """Evicted since the volume of the artifact was fuller than it may be; another pod would end like it."""
    if not _FULL.search(pod.end):
        return None
    return Finding.no(
        Reason.ARTIFACT_TOO_LARGE,
        f"Pod {pod.name}: {quoted(pod.end).rstrip('. ')}. Give the variant or MLModel a larger size.",
    )


def deadline_finding(seconds: int, why: Finding, pods: Iterable[PodFacts]) -> Finding:
    """What to say of an update that ran out of time: its pods' reason, else that they never got ready."""
    if why.ok is False:
        return Finding.no(why.reason, f"Not ready within {seconds} s. {why.message}")
    for pod in sorted(pods, key=lambda pod: pod.name):
        if container := unhealthy(pod):
            failure = failing(pod, container)
            said = (
                f"container {container.name} runs, but {probe_fails(container, failure)}"
                if failure
                else f"container {container.name} runs, but the probe ({container.probe}) does not succeed."
            )
            return Finding.no(Reason.PROBE_FAILED, f"Not ready within {seconds} s. Pod {pod.name}: {said}")
    return Finding.no(Reason.DEADLINE_EXCEEDED, f"Not ready within {seconds} s. {why.message}")
