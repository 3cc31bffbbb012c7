import msgspec
import pytest

from mlendpoints.api.reasons import Reason
from mlendpoints.edge.kube.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictError,
    GoneError,
    NotFoundError,
    RejectedError,
    Status,
    TooManyRequestsError,
    UnavailableError,
    make_error,
    response_error,
)


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (400, "BadRequest", RejectedError),
        (401, "Unauthorized", UnavailableError),
        (403, "Forbidden", RejectedError),
        (404, "NotFound", NotFoundError),
        (409, "AlreadyExists", AlreadyExistsError),
        (409, "Conflict", ConflictError),
        (410, "Expired", GoneError),
        (422, "Invalid", RejectedError),
        (429, "TooManyRequests", TooManyRequestsError),
        (500, "InternalError", UnavailableError),
        (503, "ServiceUnavailable", UnavailableError),
        (504, "Timeout", UnavailableError),
    ],
)
def test_each_status_is_one_error(code: int, reason: str, expected: type[ApiError]) -> None:
    error = make_error(Status(code, reason, "words"))
    assert type(error) is expected
    assert "words" in str(error)


def test_an_exceeded_quota_has_a_reason_of_its_own() -> None:
    error = make_error(Status(403, "Forbidden", 'pods "a" is forbidden: exceeded quota: small, requested: cpu=1'))
    assert isinstance(error, RejectedError)
    assert error.reason is Reason.QUOTA_EXCEEDED


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("", 1.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 1.0)])
def test_the_server_says_how_long_to_wait(header: str, seconds: float) -> None:
    error = response_error(429, "Too Many Requests", b'{"code": 429}', retry_after=header)
    assert isinstance(error, TooManyRequestsError)
    assert error.retry_after == seconds


def test_an_object_made_anew_is_a_conflict() -> None:
    details = {"causes": [{"field": "metadata.uid", "message": "field is immutable"}]}
    error = response_error(
        422, "Unprocessable Entity", msgspec.json.encode({"code": 422, "reason": "Invalid", "details": details})
    )
    assert isinstance(error, ConflictError)


def test_a_proxys_page_is_an_error_too() -> None:
    error = response_error(502, "Bad Gateway", b"<html>Bad gateway</html>")
    assert isinstance(error, UnavailableError)
    assert "Bad gateway" in str(error)
