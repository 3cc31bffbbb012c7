"""Judging what is observed: why an instance's pods are not ready, in words for their owner."""

import re
from collections.abc import Callable, Iterable

import msgspec
from msgspec import Struct
from msgspec.structs import force_setattr

from mlendpoints.api.model import Model
from mlendpoints.api.reasons import Reason
from mlendpoints.core.reasons.admission import rejection
from mlendpoints.core.reasons.mounts import mount_said, not_mounted
from mlendpoints.core.reasons.probes import Failing, failing, unhealthy
from mlendpoints.core.reasons.quoting import one_line, quoted, quoted_end
from mlendpoints.core.reasons.volumes import waits_for_volume
from mlendpoints.core.world import Child, ContainerFacts, PodFacts, Refusal

_PULL_FAILED = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
    }
)
_SIGNALS = frozenset({137, 143})  # exit codes of SIGKILL and SIGTERM
_FULL = re.compile(r'EmptyDir volume "artifact" exceeds the limit')  # pkg/kubelet/eviction
FETCHER = "model-init"
_FIND_A_NODE = "Request less (cpus, memory, resources), correct nodeSelector or tolerations, or add nodes."


# Of Kubernetes' pkg/kubelet: what a variable comes from is not there.
_MISSING = re.compile(r"^(secret|configmap) \S+ not found|^couldn't find key \S+ in (Secret|ConfigMap) ")


class Finding(Struct, frozen=True):
    """A judgement: ``ok`` True, False, or None for not yet. Whatever its message quotes, it can be printed."""

    ok: bool | None
    reason: str  # a ``Reason``, unless read from a status that another version wrote
    message: str

    def __post_init__(self) -> None:
        """The last place where text of strangers passes on its way into conditions, history and events."""
        if not self.message.isprintable():
            force_setattr(self, "message", one_line(self.message))

    @classmethod
    def yes(cls, reason: str, message: str) -> "Finding":
        """It is as it should be."""
        return cls(ok=True, reason=reason, message=message)

    @classmethod
    def no(cls, reason: str, message: str) -> "Finding":
        """It is not, and somebody has to fix it."""
        return cls(ok=False, reason=reason, message=message)

    @classmethod
    def wait(cls, reason: str, message: str) -> "Finding":
        """Not yet; it continues automatically."""
        return cls(ok=None, reason=reason, message=message)


def badness(finding: Finding) -> int:
    """Orders judgements: what somebody has to fix, what continues automatically, what is well."""
    return (False, None, True).index(finding.ok)


def made_claim(claim: str) -> Finding:
    """An artifact lies on a claim that the operator made: it belongs to one version, and goes with it."""
    return Finding.no(
        Reason.INVALID_SPEC,
        f"The artifact lies on claim {claim}, which the operator made for a version and deletes with it."
        " Name the place that it was fetched from, or copy it to a claim of your own.",
    )


def refused(refusals: Iterable[Refusal]) -> Finding:
    """What the API server rejected: all that has the first reason, each once."""
    rejected = list(refusals)
    reason = rejected[0].reason
    said = dict.fromkeys(quoted(refusal.message) for refusal in rejected if refusal.reason == reason)
    return Finding.no(reason, " ".join(said))


class FetchFailure(Struct, frozen=True):
    """What model-init leaves in its termination message."""

    reason: str
    message: str = ""


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
            return f"Pod {pod.name}, container {container.name}: {_probe_fails(container, failure)}"
    return ""


def _probe_fails(container: ContainerFacts, failure: Failing, verb: str = "fails") -> str:
    asked = "" if failure.probe == "readiness" else f" ({container.probe})"
    return f"its {failure.probe} probe{asked} {verb}: {failure.answer}. {failure.advice}"


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
        for judge in _CONTAINER_CHAIN:
            if not container.ready and (finding := judge(pod, container)):
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


def _pull_failed(pod: PodFacts, container: ContainerFacts) -> Finding | None:
    if container.waiting_reason not in _PULL_FAILED:
        return None
    return Finding.no(
        Reason.IMAGE_PULL_FAILED,
        f"Pod {pod.name}, container {container.name}: {container.waiting_reason}:"
        f" {quoted(container.waiting_message).rstrip('.')}. Check the image's name and imagePullSecrets.",
    )


def fetchers_finding(pod: PodFacts, container: ContainerFacts) -> Finding | None:
    """Why model-init has failed, in its own words; None if it has not, or was ended without a word."""
    if not _is_failed_fetcher(container):
        return None
    try:
        failure = msgspec.json.decode(container.last_words, type=FetchFailure)
        return Finding.no(Reason(failure.reason), f"Pod {pod.name}: {quoted(failure.message)}")
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _is_failed_fetcher(container: ContainerFacts) -> bool:
    return container.name == FETCHER and bool(container.exit_code)


def _fetch_failed(pod: PodFacts, container: ContainerFacts) -> Finding | None:
    if not _is_failed_fetcher(container):
        return None
    speechless = Finding.no(Reason.ARTIFACT_DOWNLOAD_FAILED, f"Pod {pod.name}: {_exit(container)}")
    return fetchers_finding(pod, container) or speechless


def _out_of_memory(pod: PodFacts, container: ContainerFacts) -> Finding | None:
    if container.exit_reason != "OOMKilled":
        return None
    return Finding.no(
        Reason.OOM_KILLED,
        f"Pod {pod.name}: {_exit(container)} Give it more memory, by the variant in its config (spec.models[].memory)"
        " or by its MLModel (spec.memory).",
    )


def _probe_failed(pod: PodFacts, container: ContainerFacts) -> Finding | None:
    """The kubelet has stopped it: by a signal, which a server may also take as its own, orderly end."""
    if not container.probe or container.exit_code not in (*_SIGNALS, 0):
        return None
    failure = failing(pod, container)
    if failure is None or failure.probe == "readiness":
        return _stopped(pod, container) if container.exit_code in _SIGNALS else None
    why = _probe_fails(container, failure, "failed")
    return Finding.no(
        Reason.PROBE_FAILED,
        f"Pod {pod.name}: container {container.name} was stopped by the kubelet (exit code {container.exit_code},"
        f" {_restarts(container)}), since {why} If the model loads slowly, raise startupTimeoutSeconds."
        f"{_said(container)}",
    )


def _stopped(pod: PodFacts, container: ContainerFacts) -> Finding:
    return Finding.no(
        Reason.PROBE_FAILED,
        f"Pod {pod.name}: container {container.name} was stopped by a signal (exit code {container.exit_code},"
        f" {_restarts(container)}), as the kubelet does when the probe ({container.probe}) fails. Check port,"
        f" healthPath, startupTimeoutSeconds, and that the server listens on 0.0.0.0.{_said(container)}",
    )


def _crashed(pod: PodFacts, container: ContainerFacts) -> Finding | None:
    """It has ended by itself. That nobody answered its probe follows from that, and would only mislead."""
    if container.exit_code is None or (container.exit_code == 0 and container.waiting_reason != "CrashLoopBackOff"):
        return None
    return Finding.no(Reason.CRASH_LOOPING, f"Pod {pod.name}: {_exit(container)}")


def _cannot_start(pod: PodFacts, container: ContainerFacts) -> Finding | None:
    if container.waiting_reason not in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
        return None
    said = (
        f"Pod {pod.name}, container {container.name}: {container.waiting_reason}: {quoted(container.waiting_message)}"
    )
    if _MISSING.search(container.waiting_message):
        return Finding.no(
            Reason.REFERENCE_NOT_FOUND,
            f"{said}. Create it, correct env[].valueFrom, or set optional there; the pod starts automatically when it"
            " finds what it needs.",
        )
    return Finding.no(Reason.INVALID_SPEC, said)


_CONTAINER_CHAIN: tuple[Callable[[PodFacts, ContainerFacts], Finding | None], ...] = (
    _pull_failed,
    _fetch_failed,
    _out_of_memory,
    _probe_failed,
    _crashed,
    _cannot_start,
)


def _exit(container: ContainerFacts) -> str:
    return (
        f"container {container.name} ended with exit code {container.exit_code} ({container.exit_reason or 'Error'}),"
        f" {_restarts(container)}.{_said(container)}"
    )


def _restarts(container: ContainerFacts) -> str:
    return "1 restart" if container.restarts == 1 else f"{container.restarts} restarts"


def _said(container: ContainerFacts) -> str:
    words = quoted_end(container.last_words)
    return f" Termination message: {words}" if words else ""


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
                f"container {container.name} runs, but {_probe_fails(container, failure)}"
                if failure
                else f"container {container.name} runs, but the probe ({container.probe}) does not succeed."
            )
            return Finding.no(Reason.PROBE_FAILED, f"Not ready within {seconds} s. Pod {pod.name}: {said}")
    return Finding.no(Reason.DEADLINE_EXCEEDED, f"Not ready within {seconds} s. {why.message}")
