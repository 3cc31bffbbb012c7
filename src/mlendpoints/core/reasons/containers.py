"""Why one container of a pod is not ready: the first reason that a person can act on."""

import re
from collections.abc import Callable

import msgspec
from msgspec import Struct

from mlendpoints.api.reasons import Reason
from mlendpoints.core.findings import Finding
from mlendpoints.core.reasons.probes import Failing, failing
from mlendpoints.core.reasons.quoting import quoted, quoted_end
from mlendpoints.core.world import ContainerFacts, PodFacts

FETCHER = "model-init"
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
# Of Kubernetes' pkg/kubelet: what a variable comes from is not there.
_MISSING = re.compile(r"^(secret|configmap) \S+ not found|^couldn't find key \S+ in (Secret|ConfigMap) ")


class FetchFailure(Struct, frozen=True):
    """What model-init leaves in its termination message."""

    reason: str
    message: str = ""


def container_finding(pod: PodFacts, container: ContainerFacts) -> Finding | None:
    """What keeps a container from being ready, if anything says so."""
    return next((finding for judge in _CHAIN if (finding := judge(pod, container))), None)


def probe_fails(container: ContainerFacts, failure: Failing, verb: str = "fails") -> str:
    """A probe that fails, with the answer that the kubelet got and what to do about it."""
    asked = "" if failure.probe == "readiness" else f" ({container.probe})"
    return f"its {failure.probe} probe{asked} {verb}: {failure.answer}. {failure.advice}"


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
    why = probe_fails(container, failure, "failed")
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


_CHAIN: tuple[Callable[[PodFacts, ContainerFacts], Finding | None], ...] = (
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
