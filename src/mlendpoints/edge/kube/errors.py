"""The API server's rejections as a few typed errors; the only place that reads HTTP status codes.

Three sorts matter to the loop: the user's (``RejectedError``), the ordinary
races of a busy cluster (``ConflictError`` and its neighbours), and the
infrastructure's (``UnavailableError``, ``TooManyRequestsError``).
"""

import httpx2
import msgspec
from msgspec import Struct

from mlendpoints.api.reasons import Reason
from mlendpoints.core.reasons.admission import is_quota
from mlendpoints.edge.kube.decoding import UNREADABLE


class ApiError(Exception):
    """Anything but success; the text is the API server's own message."""


class NotFoundError(ApiError):
    """404: the object, or the kind itself, is not there."""


class AlreadyExistsError(ApiError):
    """409 AlreadyExists: a POST found the name taken."""


class ConflictError(ApiError):
    """409: the object is no longer the one that was observed. Plan again."""


class GoneError(ApiError):
    """410: a resourceVersion or a continue token is too old. List again."""


class RejectedError(ApiError):
    """400, 403, 422: what was asked is not allowed. Asking again changes nothing; ``reason`` is a condition's."""

    def __init__(self, message: str, *, reason: Reason = Reason.INVALID_SPEC) -> None:
        super().__init__(message)
        self.reason = reason


class UnavailableError(ApiError):
    """5xx, 401, a time-out or a broken connection: try again later."""


class TooManyRequestsError(UnavailableError):
    """429: try again after ``retry_after`` seconds."""

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


_PLAIN = {404: NotFoundError, 409: ConflictError, 410: GoneError}


class Cause(Struct, frozen=True):
    """One field that was found wrong."""

    field: str = ""


class Details(Struct, frozen=True):
    """What was found wrong."""

    causes: tuple[Cause, ...] = ()


class Status(Struct, frozen=True):
    """The part of Kubernetes' ``meta/v1.Status`` that is read."""

    code: int = 0
    reason: str = ""
    message: str = ""
    details: Details | None = None

    @property
    def names_another_object(self) -> bool:
        """Whether ``metadata.uid`` was rejected: the object was re-created since it was observed."""
        return self.details is not None and any(cause.field == "metadata.uid" for cause in self.details.causes)


def make_error(status: Status, *, retry_after: str = "") -> ApiError:
    """The error that an unsuccessful ``Status`` stands for."""
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


def response_error(response: httpx2.Response) -> ApiError:
    """The error that a read, unsuccessful response stands for, whether or not it holds a ``Status``."""
    return make_error(_status(response), retry_after=response.headers.get("Retry-After", ""))


def _status(response: httpx2.Response) -> Status:
    try:
        status = msgspec.json.decode(response.content, type=Status)
    except UNREADABLE:
        return Status(response.status_code, response.reason_phrase, response.text[:1000].strip())
    return msgspec.structs.replace(status, code=response.status_code)


def _rejection_reason(status: Status) -> Reason:
    return Reason.QUOTA_EXCEEDED if is_quota(status.message) else Reason.INVALID_SPEC


def _seconds(retry_after: str) -> float:
    try:
        return max(0.1, float(retry_after))
    except ValueError:
        return 1.0
