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
# Of Kubernetes' pkg/kubelet: the source of a variable is missing.
_MISSING = re.compile(r"^(secret|configmap) \S+ not found|^couldn't find key \S+ in (Secret|ConfigMap) ")


class FetchFailure(Struct, frozen=True):
    """The termination message of model-init."""

    reason: str
    message: str = ""


def container_finding(pod: PodFacts, container: ContainerFacts) -> Finding | None:
    """Why a container is not ready, if its status says so."""
    return next((finding for assess in _CHAIN if (finding := assess(pod, container))), None)


def never_starts(pod: PodFacts, container: ContainerFacts) -> Finding | None:
    """Why a container has never started, if its status says so: then its pod is not ready, whatever the container."""
    return _pull_failed(pod, container) or _cannot_start(pod, container)


def optional_finding(pod: PodFacts, container: ContainerFacts) -> Finding | None:
    """Why a container is not ready that the pod can do without; under its supervisor it is killed only as a whole."""
    if finding := never_starts(pod, container):
        return finding
    if container.exit_reason == "OOMKilled":
        return Finding.no(Reason.OOM_KILLED, f"Pod {pod.name}: {_exit(container)} Raise its memory limit.")
    return _crashed(pod, container)


def probe_fails(container: ContainerFacts, failure: Failing, verb: str = "fails") -> str:
    """A failing probe, with the answer that the kubelet got and what to do about it."""
    what = "" if failure.probe == "readiness" else f" ({container.probe})"
    return f"its {failure.probe} probe{what} {verb}: {failure.answer}. {failure.advice}"


def _pull_failed(pod: PodFacts, container: ContainerFacts) -> Finding | None:
    if container.waiting_reason not in _PULL_FAILED:
        return None
    return Finding.no(
        Reason.IMAGE_PULL_FAILED,
        f"Pod {pod.name}, container {container.name}: {container.waiting_reason}:"
        f" {quoted(container.waiting_message).rstrip('.')}. Check the image's name and imagePullSecrets.",
    )


def fetcher_finding(pod: PodFacts, container: ContainerFacts) -> Finding | None:
    """Why model-init has failed, from its termination message; None if it has not failed, or left none."""
    if not _is_failed_fetcher(container):
        return None
    try:
        failure = msgspec.json.decode(container.termination_message, type=FetchFailure)
        return Finding.no(Reason(failure.reason), f"Pod {pod.name}: {quoted(failure.message)}")
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _is_failed_fetcher(container: ContainerFacts) -> bool:
    return container.name == FETCHER and bool(container.exit_code)


def _fetch_failed(pod: PodFacts, container: ContainerFacts) -> Finding | None:
    if not _is_failed_fetcher(container):
        return None
    fallback = Finding.no(Reason.ARTIFACT_DOWNLOAD_FAILED, f"Pod {pod.name}: {_exit(container)}")
    return fetcher_finding(pod, container) or fallback


def _out_of_memory(pod: PodFacts, container: ContainerFacts) -> Finding | None:
    if container.exit_reason != "OOMKilled":
        return None
    return Finding.no(
        Reason.OOM_KILLED,
        f"Pod {pod.name}: {_exit(container)} Give it more memory, by the variant in its config (spec.models[].memory)"
        " or by its MLModel (spec.memory).",
    )


def _probe_failed(pod: PodFacts, container: ContainerFacts) -> Finding | None:
    """Stopped by the kubelet with a signal, on which a server may also exit in order."""
    if not container.probe or container.exit_code not in (*_SIGNALS, 0):
        return None
    failure = failing(pod, container)
    if failure is None or failure.probe == "readiness":
        return _stopped(pod, container) if container.exit_code in _SIGNALS else None
    why = probe_fails(container, failure, "failed")
    return Finding.no(
        Reason.PROBE_FAILED,
        f"Pod {pod.name}: container {container.name} was stopped by the kubelet (exit code {container.exit_code},"
        f" restart count {container.restarts}): {why} If the model loads slowly, raise startupTimeoutSeconds."
        f"{_termination_message(container)}",
    )


def _stopped(pod: PodFacts, container: ContainerFacts) -> Finding:
    return Finding.no(
        Reason.PROBE_FAILED,
        f"Pod {pod.name}: container {container.name} was stopped by a signal (exit code {container.exit_code},"
        f" restart count {container.restarts}), as the kubelet does when the probe ({container.probe}) fails."
        f" Check port, healthPath, startupTimeoutSeconds, and that the server listens on 0.0.0.0."
        f"{_termination_message(container)}",
    )


def _crashed(pod: PodFacts, container: ContainerFacts) -> Finding | None:
    """It terminated by itself. That its probe failed is a consequence, and would only mislead."""
    if container.exit_code is None or (container.exit_code == 0 and container.waiting_reason != "CrashLoopBackOff"):
        return None
    return Finding.no(Reason.CRASH_LOOPING, f"Pod {pod.name}: {_exit(container)}")


def _cannot_start(pod: PodFacts, container: ContainerFacts) -> Finding | None:
    if container.waiting_reason not in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
        return None
    text = (
        f"Pod {pod.name}, container {container.name}: {container.waiting_reason}: {quoted(container.waiting_message)}"
    )
    if _MISSING.search(container.waiting_message):
        return Finding.no(
            Reason.REFERENCE_NOT_FOUND,
            f"{text}. Create it, correct env[].valueFrom, or set optional there; the pod then starts automatically.",
        )
    return Finding.no(Reason.INVALID_SPEC, text)


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
        f"container {container.name} terminated with exit code {container.exit_code}"
        f" ({container.exit_reason or 'Error'}); restart count {container.restarts}.{_termination_message(container)}"
    )


def _termination_message(container: ContainerFacts) -> str:
    message = quoted_end(container.termination_message)
    return f" Termination message: {message}" if message else ""
