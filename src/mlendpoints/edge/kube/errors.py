"""Typed errors of the API server, by HTTP status code; the only place that reads status codes.

Three groups matter to the reconcile loop: errors the user has to fix
(``RejectedError``), ordinary races (``ConflictError`` and the like: requeue), and
transient failures (``UnavailableError``, ``TooManyRequestsError``: back-off, rate
limit).
"""

import msgspec
from msgspec import Struct

from mlendpoints.api.reasons import Reason
from mlendpoints.core.reasons.quota import is_quota
from mlendpoints.edge.kube.decoding import UNREADABLE

_LONGEST = 1000  # bytes of a response that is no Status


class Cause(Struct, frozen=True):
    """One invalid field, and why."""

    field: str = ""
    message: str = ""


class Details(Struct, frozen=True):
    """What was not found or not allowed, and the invalid fields."""

    name: str = ""
    kind: str = ""
    causes: tuple[Cause, ...] = ()


class Status(Struct, frozen=True):
    """The part of Kubernetes' ``meta/v1.Status`` that is read."""

    code: int = 0
    reason: str = ""
    message: str = ""
    details: Details | None = None

    @property
    def names_another_object(self) -> bool:
        """Whether the uid precondition failed: the object was re-created since it was observed."""
        return self.details is not None and any(cause.field == "metadata.uid" for cause in self.details.causes)


class ApiError(Exception):
    """Anything but success; the text is the API server's own message, ``status`` its response (code 0: none)."""

    status = Status()


class NotFoundError(ApiError):
    """404: the object, or the kind itself, does not exist."""


class AlreadyExistsError(ApiError):
    """409 AlreadyExists: the name is taken."""


class ConflictError(ApiError):
    """409: a precondition failed, the object has changed since it was observed. Requeue."""


class GoneError(ApiError):
    """410: a resourceVersion or a continue token is too old. Relist."""


class RejectedError(ApiError):
    """400, 403, 422: the request is invalid or not allowed; retrying does not help. ``reason`` is a condition's."""

    def __init__(self, message: str, *, reason: Reason = Reason.INVALID_SPEC) -> None:
        super().__init__(message)
        self.reason = reason


class UnavailableError(ApiError):
    """5xx, 401, a timeout or a broken connection: retry with back-off."""


class TooManyRequestsError(UnavailableError):
    """429: rate-limited; retry after ``retry_after`` seconds."""

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


_PLAIN = {404: NotFoundError, 409: ConflictError, 410: GoneError}


def make_error(status: Status, *, retry_after: str = "") -> ApiError:
    """The error for an unsuccessful ``Status``."""
    error = _error(status, retry_after)
    error.status = status
    return error


def _error(status: Status, retry_after: str) -> ApiError:
    match status.code:
        case 422 if status.names_another_object:
            return ConflictError(status.message)
        case 400 | 403 | 422:
            return RejectedError(status.message, reason=_rejection_reason(status))
        case 409 if status.reason == "AlreadyExists":
            return AlreadyExistsError(status.message)
        case 429:
            return TooManyRequestsError(status.message, retry_after=_seconds(retry_after))
        case code if code in _PLAIN:
            return _PLAIN[code](status.message)
        case code:
            return UnavailableError(f"{code} {status.reason}: {status.message}")


def response_error(code: int, phrase: str, content: bytes, *, retry_after: str = "") -> ApiError:
    """The error for an unsuccessful response, with or without a ``Status`` in it."""
    try:
        status = msgspec.json.decode(content, type=Status)
    except UNREADABLE:
        status = Status(code, phrase, content[:_LONGEST].decode(errors="replace").strip())
    return make_error(msgspec.structs.replace(status, code=code), retry_after=retry_after)


def _rejection_reason(status: Status) -> Reason:
    return Reason.QUOTA_EXCEEDED if is_quota(status.message) else Reason.INVALID_SPEC


def _seconds(retry_after: str) -> float:
    try:
        return max(0.1, float(retry_after))
    except ValueError:
        return 1.0
