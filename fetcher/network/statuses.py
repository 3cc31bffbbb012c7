"""HTTP statuses: content, permanent failures, temporary failures that are retried."""

import http.client
import re
from collections.abc import Mapping
from http import HTTPStatus

from fetcher.failures import Changed, NotFound
from outbound.credentials import Secret
from outbound.dial import Target
from outbound.failures import Interrupted, Overloaded, RequestFailed

FINE = {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}
TEMPORARY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}
BUSY = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
ADVICE: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "the server requires credentials; set the model's artifactSecret",
    HTTPStatus.FORBIDDEN: "the server denies access; check its permissions or the model's artifactSecret",
    HTTPStatus.NOT_FOUND: "check the model's artifact URL",
}
LONGEST_PAUSE = 60
NUMBER = re.compile(r"[0-9]{1,18}")


def check_status(answer: http.client.HTTPResponse, wanted: Target, secret: Secret | None) -> None:
    """Raises ``NotFound``, ``RequestFailed``, ``Interrupted`` or ``Changed`` for a status without content."""
    status = answer.status
    if status in FINE:
        return
    message = f"status {status}{_code(answer)}; {_advice(status, secret)}{_unsent(wanted, secret)}"
    if status == HTTPStatus.PRECONDITION_FAILED:
        raise Changed("the artifact changed during the download")
    if status in BUSY:
        raise Overloaded(message, _pause(answer))
    if status in TEMPORARY or status >= 500:
        raise Interrupted(message, _pause(answer))
    raise (NotFound if status == HTTPStatus.NOT_FOUND else RequestFailed)(message)


def _advice(status: int, secret: Secret | None) -> str:
    if secret and secret.is_useless and status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return (
            "the server requires credentials, but the model's artifactSecret has none of the supported keys: "
            f"token, or username and password (found: {secret.found})"
        )
    return ADVICE.get(status, "see the logs of that server")


def _unsent(wanted: Target, secret: Secret | None) -> str:
    """A hint if a redirect led to a server that the Secret is not sent to."""
    if not secret or not secret.headers or secret.origin == wanted.origin:
        return ""
    return f" (redirected to {wanted.authority}; the artifactSecret is sent only to {secret.origin[1]})"


def _code(answer: http.client.HTTPResponse) -> str:
    """An object store's error code, such as ``NoSuchBucket``."""
    try:
        found = re.search(rb"<Code>(\w{1,60})</Code>", answer.read(4096))
    except (OSError, http.client.HTTPException):
        return ""
    return f" ({found[1].decode()})" if found else ""


def _pause(answer: http.client.HTTPResponse) -> float:
    """Seconds of a Retry-After header, capped."""
    text = answer.headers.get("Retry-After", "")
    return float(min(number(text) or 0, LONGEST_PAUSE))


def number(text: str) -> int | None:
    """A decimal number in a header; None if it does not fit into 64 bits."""
    return int(text) if NUMBER.fullmatch(text) else None
