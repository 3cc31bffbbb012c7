"""Why a delivery failed: one word for the ledger, and advice for the log. Never a secret, never a record's content."""

from collections.abc import Mapping
from http import HTTPStatus

from outbound.failures import Blocked, Interrupted, Overloaded, RequestFailed, Unresolved, Untrusted

REJECTIONS = 10
"""Attempts to deliver a file whose content the sink rejects. With the pauses, they take two minutes or more."""
ABOUT_CONTENT = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
ADVICE: Mapping[str, str] = {
    "blocked": "the sink's address is blocked; the administrator can allow it",
    "untrusted": "the sink's certificate is not trusted; add its authority's as ca.crt to the sink's Secret",
    "unresolved": "the sink's host could not be resolved; check its spelling, and the cluster's DNS",
    "unreachable": "the sink could not be connected to, or the connection was lost",
    "timeout": "the sink did not respond in time",
    "denied": "the sink denies access; check its permissions and the keys of its Secret",
    "not_found": "the sink's bucket, container, path or claim does not exist",
    "rejected": "the sink rejects the upload; see its logs",
    "redirected": "the sink redirects to another server, which is not followed; set the sink's final URL",
    "overloaded": "the sink is overloaded",
    "failed": "the sink failed; see its logs",
    "full": "the sink's volume is full",
    "too_large": "the sink does not accept objects of this size; these records are lost",
    "invalid": "the sink's URL, or a key of its Secret, is not supported; see docs/reference/shipper.md",
    "spool": "the spool cannot be read or written",
    "bug": "this is a bug in the shipper; please report it",
}


class Undelivered(Exception):  # noqa: N818 - reads as what happened
    """A delivery that failed, with its reason (a key of ``ADVICE``). It is retried."""

    def __init__(self, reason: str, *, status: int = 0, code: str = "", pause: float = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.code = code
        self.pause = pause

    @property
    def is_about_content(self) -> bool:
        """Whether the sink may accept other files. Object stores ignore content; their codes are about settings."""
        return self.status in ABOUT_CONTENT and not self.code

    @property
    def facts(self) -> dict[str, object]:
        """For the log."""
        found = {"reason": self.reason, "status": self.status, "code": self.code, "advice": ADVICE[self.reason]}
        return {name: value for name, value in found.items() if value}


def undelivered(error: Exception) -> Undelivered:
    """The reason of any other failure."""
    if isinstance(error, Undelivered):
        return error
    if isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError):
        return Undelivered("timeout")
    kinds: tuple[tuple[type[Exception], str], ...] = (
        (Blocked, "blocked"),
        (Untrusted, "untrusted"),
        (Unresolved, "unresolved"),
        (Overloaded, "overloaded"),
        (Interrupted, "unreachable"),
        (RequestFailed, "invalid"),
        (OSError, "unreachable"),
    )
    reason = next((word for kind, word in kinds if isinstance(error, kind)), "bug")
    return Undelivered(reason, code=type(error).__name__ if reason == "bug" else "")
