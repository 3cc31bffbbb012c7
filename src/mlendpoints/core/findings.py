"""Findings: judgements of what is observed, which become conditions, history and events."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import force_setattr

from mlendpoints.api.reasons import Reason
from mlendpoints.core.reasons.quoting import one_line, quoted
from mlendpoints.core.world import Refusal


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
