"""Failed probes: what a kubelet reports of a container's probe, in words for the person who set its port and path.

The kubelet reports a probe's answer only in events, whose text is not an API:
what is not recognized is quoted. The sentences are those of
``pkg/kubelet/prober`` and of Go's ``net/http``.
"""

import re

from msgspec import Struct

from mlendpoints.core.reasons.quoting import quoted
from mlendpoints.core.reasons.warnings import newest
from mlendpoints.core.world import ContainerFacts, PodFacts

_QUOTED = 200  # characters of a kubelet's message
_STATUS = re.compile(r"probe failed with statuscode: (\d{3})")
_ANSWERS = (
    (re.compile(r"connection refused"), "connection refused"),
    (re.compile(r"context deadline exceeded|Client\.Timeout exceeded|i/o timeout"), "timed out"),
    (re.compile(r"connection reset by peer|EOF"), "the connection was closed without an answer"),
)
_KIND = re.compile(r"\b(Startup|Liveness|Readiness) probe ")
_ADVICE = {
    "connection refused": "Check port, and that the server listens on 0.0.0.0, not on 127.0.0.1 only.",
    "timed out": "Check that the server answers it within a few seconds, and that port speaks HTTP.",
    "the connection was closed without an answer": "Check that port speaks HTTP, without TLS.",
    "404": "Check healthPath.",
}
_ANY_ADVICE = "Check port, healthPath, and that the server listens on 0.0.0.0."


class Failing(Struct, frozen=True):
    """A failing probe: which one, its answer, what to do."""

    probe: str  # startup, liveness, readiness
    answer: str
    advice: str


def failing(pod: PodFacts, container: ContainerFacts) -> Failing | None:
    """The newest event about the container's probe; None if there is none, or events were not read."""
    warning = newest(each for each in pod.warnings if each.container == container.name)
    if warning is None:
        return None
    kind = _KIND.search(warning.message)
    answer, advice = _answer(warning.message)
    return Failing(kind.group(1).lower() if kind else "health", answer, advice)


def _answer(message: str) -> tuple[str, str]:
    if status := _STATUS.search(message):
        code = status.group(1)
        return f"it returns HTTP {code}", _ADVICE.get(code, "Check healthPath, and the server's log.")
    for pattern, words in _ANSWERS:
        if pattern.search(message):
            return words, _ADVICE[words]
    return quoted(message, longest=_QUOTED), _ANY_ADVICE


def unhealthy(pod: PodFacts) -> ContainerFacts | None:
    """The container whose probe keeps the pod from being ready; later containers may still wait for it."""
    if pod.ready or pod.deleting or pod.has_ended:
        return None
    started = (c for c in pod.containers if not c.ready and c.probe and c.waiting_reason in ("", "CrashLoopBackOff"))
    return next(started, None)
