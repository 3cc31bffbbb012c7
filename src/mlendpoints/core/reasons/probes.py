"""What a kubelet says of a container's probe, read and put into words for the person who set its port and path.

The kubelet tells a probe's answer only in events, whose text is not an API:
what is not recognized is quoted. The sentences are those of
``pkg/kubelet/prober`` and of Go's ``net/http``.
"""

import re

from msgspec import Struct

from mlendpoints.core.reasons.quoting import quoted
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
    "timed out": "Check that the server answers it within a few seconds, and that port is one of HTTP.",
    "the connection was closed without an answer": "Check that port is one of HTTP, without TLS.",
    "404": "Check healthPath.",
}
_ANY_ADVICE = "Check port, healthPath, and that the server listens on 0.0.0.0."


class Failing(Struct, frozen=True):
    """A probe that fails: which, what the answer was, what to do."""

    probe: str  # startup, liveness, readiness
    answer: str
    advice: str


def failing(pod: PodFacts, container: ContainerFacts) -> Failing | None:
    """The last that the kubelet said of the container's probe; None if it has said nothing, or was not asked."""
    said = [complaint for complaint in pod.complaints if complaint.container == container.name]
    if not said:
        return None
    message = max(said, key=lambda complaint: complaint.at).message
    kind = _KIND.search(message)
    answer, advice = _answer(message)
    return Failing(kind.group(1).lower() if kind else "health", answer, advice)


def _answer(message: str) -> tuple[str, str]:
    if status := _STATUS.search(message):
        code = status.group(1)
        return f"it is answered with status {code}", _ADVICE.get(code, "Check healthPath, and the server's log.")
    for pattern, words in _ANSWERS:
        if pattern.search(message):
            return words, _ADVICE[words]
    return quoted(message, longest=_QUOTED), _ANY_ADVICE


def unhealthy(pod: PodFacts) -> ContainerFacts | None:
    """The container whose probe keeps the pod from being ready; those after it may still wait for it."""
    if pod.ready or pod.deleting or pod.has_ended:
        return None
    started = (c for c in pod.containers if not c.ready and c.probe and c.waiting_reason in ("", "CrashLoopBackOff"))
    return next(started, None)
