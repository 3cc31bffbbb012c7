"""Judging what is observed: why an instance's pods are not ready, in words for their owner."""

from collections.abc import Callable, Iterable

import msgspec
from msgspec import Struct

from mlendpoints.api.reasons import Reason
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
_LAST_WORDS = 400  # characters quoted in a message
FETCHER = "model-init"


class Finding(Struct, frozen=True):
    """A judgement: ``ok`` True, False, or None for not yet."""

    ok: bool | None
    reason: Reason
    message: str

    @classmethod
    def yes(cls, reason: Reason, message: str) -> "Finding":
        """It is as it should be."""
        return cls(ok=True, reason=reason, message=message)

    @classmethod
    def no(cls, reason: Reason, message: str) -> "Finding":
        """It is not, and somebody has to mend it."""
        return cls(ok=False, reason=reason, message=message)

    @classmethod
    def wait(cls, reason: Reason, message: str) -> "Finding":
        """Not yet; it goes on by itself."""
        return cls(ok=None, reason=reason, message=message)


def badness(finding: Finding) -> int:
    """Orders judgements: what somebody has to mend, what goes on by itself, what is well."""
    return (False, None, True).index(finding.ok)


class FetchFailure(Struct, frozen=True):
    """What model-init leaves in its termination message."""

    reason: str
    message: str = ""


def instance_findings(
    name: str, *, deployment: Child | None, pods: Iterable[PodFacts], refusals: Iterable[Refusal], wanted: int
) -> Finding:
    """Why the pods of model instance ``name`` are not all ready: the first reason that a person can act on."""
    for refusal in refusals:
        return Finding.no(Reason(refusal.reason), f"{name}: {refusal.message}")
    if deployment is not None and deployment.failure:
        return _deployment_failure(name, deployment.failure)
    pods = sorted(pods, key=lambda pod: pod.name)
    for pod in pods:
        if not pod.ready and not pod.deleting and (finding := pod_finding(pod)):
            return finding
    have = deployment.ready_replicas if deployment else 0
    return Finding.wait(Reason.INSTANCES_STARTING, f"{name}: {have} of {wanted} pods are ready.{awaited(pods)}")


def _deployment_failure(name: str, message: str) -> Finding:
    reason = Reason.QUOTA_EXCEEDED if "exceeded quota" in message else Reason.INVALID_SPEC
    return Finding.no(reason, f"{name}: {message}")


def pod_finding(pod: PodFacts) -> Finding | None:
    """What keeps a pod from being ready, if it says so."""
    if pod.unschedulable:
        return Finding.no(Reason.UNSCHEDULABLE, f"Pod {pod.name} finds no node: {pod.unschedulable}")
    for container in pod.containers:
        for judge in _CONTAINER_CHAIN:
            if not container.ready and (finding := judge(pod.name, container)):
                return finding
    return None


def awaited(pods: Iterable[PodFacts]) -> str:
    """What the first pod that cannot even start waits for, as a further sentence; empty if there is none.

    A node does not say in the pod's status which of its volumes it cannot mount, nor why: only events do.
    """
    for pod in pods:
        if pod.awaited and not pod.deleting:
            things, each = " and ".join(pod.awaited), "each" if len(pod.awaited) > 1 else "it"
            return (
                f" Pod {pod.name} waits on its node for {things}."
                f" If this lasts, check that {each} exists and can be mounted there."
            )
    return ""


def _pull_failed(pod: str, container: ContainerFacts) -> Finding | None:
    if container.waiting_reason not in _PULL_FAILED:
        return None
    return Finding.no(
        Reason.IMAGE_PULL_FAILED,
        f"Pod {pod}, container {container.name}: {container.waiting_reason}: {container.waiting_message.rstrip('.')}."
        " Check the image's name and imagePullSecrets.",
    )


def _fetch_failed(pod: str, container: ContainerFacts) -> Finding | None:
    if container.name != FETCHER or not container.exit_code:
        return None
    try:
        failure = msgspec.json.decode(container.last_words, type=FetchFailure)
        return Finding.no(Reason(failure.reason), f"Pod {pod}: {failure.message}")
    except (msgspec.MsgspecError, ValueError):
        return Finding.no(Reason.ARTIFACT_DOWNLOAD_FAILED, f"Pod {pod}: {_exit(container)}")


def _out_of_memory(pod: str, container: ContainerFacts) -> Finding | None:
    if container.exit_reason != "OOMKilled":
        return None
    return Finding.no(
        Reason.OOM_KILLED,
        f"Pod {pod}: {_exit(container)} Give it more memory, by the variant in its config (spec.models[].memory) or"
        " by its MLModel (spec.memory).",
    )


def _crashed(pod: str, container: ContainerFacts) -> Finding | None:
    if container.exit_code is None or (container.exit_code == 0 and container.waiting_reason != "CrashLoopBackOff"):
        return None
    return Finding.no(Reason.CRASH_LOOPING, f"Pod {pod}: {_exit(container)}")


def _cannot_start(pod: str, container: ContainerFacts) -> Finding | None:
    if container.waiting_reason not in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
        return None
    return Finding.no(
        Reason.INVALID_SPEC,
        f"Pod {pod}, container {container.name}: {container.waiting_reason}: {container.waiting_message}",
    )


_CONTAINER_CHAIN: tuple[Callable[[str, ContainerFacts], Finding | None], ...] = (
    _pull_failed,
    _fetch_failed,
    _out_of_memory,
    _crashed,
    _cannot_start,
)


def _exit(container: ContainerFacts) -> str:
    words = container.last_words.strip()[-_LAST_WORDS:]
    said = f" Its last words: {words}" if words else ""
    return (
        f"container {container.name} ended with exit code {container.exit_code} ({container.exit_reason or 'Error'}),"
        f" {container.restarts} restarts.{said}"
    )


def deadline_finding(seconds: int, why: Finding, pods: Iterable[PodFacts]) -> Finding:
    """What to say of an update that ran out of time: its pods' reason, else that they never got ready."""
    if why.ok is False:
        return Finding.no(why.reason, f"Not ready within {seconds} s. {why.message}")
    for pod in sorted(pods, key=lambda pod: pod.name):
        if not pod.ready and not pod.deleting and (container := _unhealthy(pod)):
            return Finding.no(
                Reason.PROBE_FAILED,
                f"Not ready within {seconds} s. Pod {pod.name}: container {container} runs,"
                " but the health path does not answer 200.",
            )
    return Finding.no(Reason.DEADLINE_EXCEEDED, f"Not ready within {seconds} s. {why.message}")


def _unhealthy(pod: PodFacts) -> str:
    """The container that runs and is not ready; those after it may wait for it still."""
    running = (c.name for c in pod.containers if not c.ready and not c.waiting_reason and c.name != FETCHER)
    return next(running, "")
