"""Findings: assessments of what is observed, which become conditions, history and events."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import force_setattr

from mlendpoints.api.reasons import Reason
from mlendpoints.core.reasons.quoting import one_line, quoted
from mlendpoints.core.world import Rejection


class Finding(Struct, frozen=True):
    """An assessment: ``ok`` True, False, or None for not yet. Whatever its message quotes is printable."""

    ok: bool | None
    reason: str  # a ``Reason``, unless read from a status that another version wrote
    message: str

    def __post_init__(self) -> None:
        """The last place that untrusted text passes on its way into conditions, history and events."""
        if not self.message.isprintable():
            force_setattr(self, "message", one_line(self.message))

    @classmethod
    def yes(cls, reason: str, message: str) -> "Finding":
        """As it should be."""
        return cls(ok=True, reason=reason, message=message)

    @classmethod
    def no(cls, reason: str, message: str) -> "Finding":
        """Action required."""
        return cls(ok=False, reason=reason, message=message)

    @classmethod
    def wait(cls, reason: str, message: str) -> "Finding":
        """Not yet; it continues automatically."""
        return cls(ok=None, reason=reason, message=message)


def severity(finding: Finding) -> int:
    """Orders findings: 2 action required, 1 continues automatically, 0 as it should be."""
    return (True, None, False).index(finding.ok)


def own_claim_finding(claim: str) -> Finding:
    """The artifact is on a claim that the operator created: that belongs to one version, and is deleted with it."""
    return Finding.no(
        Reason.INVALID_SPEC,
        f"The artifact is on claim {claim}, which the operator created for a version and deletes with it."
        " Use the URL that it was fetched from, or copy it to a claim of your own.",
    )


def no_recorder_finding() -> Finding:
    """Capture with gor where the operator has no image for it."""
    return Finding.no(
        Reason.INVALID_SPEC,
        "capture.engine is gor, but the operator has no image of the recorder. Use engine: nginx, or ask the"
        " administrator to set recorder.image of the operator's chart.",
    )


def own_sink_finding(claim: str) -> Finding:
    """The sink is on a claim that the operator created: what is shipped there is deleted with a version."""
    return Finding.no(
        Reason.INVALID_SPEC,
        f"The sink of capture is on claim {claim}, which the operator created for a version and deletes with it."
        " Use a claim of your own.",
    )


def rejection_finding(rejections: Iterable[Rejection]) -> Finding:
    """The finding of rejected writes: all messages with the first reason, each once."""
    rejected = list(rejections)
    reason = rejected[0].reason
    messages = dict.fromkeys(quoted(rejection.message) for rejection in rejected if rejection.reason == reason)
    return Finding.no(reason, " ".join(messages))
