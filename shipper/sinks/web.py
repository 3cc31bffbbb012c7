"""HTTP servers: one PUT for each object, to the sink's URL with the object's key appended to its path.

Each request has a deadline and a connection of its own. Redirects are followed within
the same origin only, and only those that repeat the request. It must not retry.
"""

import base64
import dataclasses
import http.client
import re
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote, urljoin, urlsplit

from outbound.connection import Connection
from outbound.credentials import Secret
from outbound.dial import Line, Target, target
from outbound.wire import Deadline
from shipper.failures import Undelivered
from shipper.sinks.content import Content

MOST_REDIRECTS = 3
REPEATED = {
    HTTPStatus.MOVED_PERMANENTLY,
    HTTPStatus.FOUND,
    HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.PERMANENT_REDIRECT,
}
REASONS: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "denied",
    HTTPStatus.FORBIDDEN: "denied",
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "denied",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.REQUEST_TIMEOUT: "timeout",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.TOO_MANY_REQUESTS: "overloaded",
    HTTPStatus.SERVICE_UNAVAILABLE: "overloaded",
    HTTPStatus.GATEWAY_TIMEOUT: "timeout",
}
CODE = re.compile(rb"<Code>(\w{1,60})</Code>")
LONGEST_ANSWER = 4096
PAUSE = re.compile(r"[0-9]{1,6}", re.ASCII)
FIXED = {"Content-Type": "application/x-ndjson", "User-Agent": "mlendpoints-shipper", "Connection": "close"}


class WebSink:
    """A server that takes PUT."""

    def __init__(self, url: str, line: Line, credentials: Mapping[str, str]) -> None:
        self._url = url
        self._line = line
        self._secret = Secret(target(url).origin, credentials)

    def put(self, key: str, content: Content) -> None:
        """See ``Sink``."""
        url = below(self._url, key)
        put(url, self._secret.towards(target(url)), content, self._line)

    def close(self) -> None:
        """Nothing is open between requests."""


def below(url: str, key: str) -> str:
    """The URL of an object; a query, such as a signature for all objects, is kept."""
    parts = urlsplit(url)
    return parts._replace(path=f"{parts.path.rstrip('/')}/{quote(key)}", fragment="").geturl()


def put(url: str, headers: Mapping[str, str], content: Content, line: Line) -> None:
    """Uploads it; raises what ``undelivered`` translates."""
    first = wanted = target(url)
    more = {
        **FIXED,
        **headers,
        "Content-Length": str(content.size),
        "Content-MD5": base64.b64encode(content.md5).decode(),
    }
    for _ in range(MOST_REDIRECTS + 1):
        connection = Connection(wanted, line, Deadline(line.read_seconds))
        try:
            answer = connection.ask(wanted, more, "PUT", content.pieces())
            if answer.status not in REPEATED:
                return _check(answer)
            url = urljoin(url, answer.headers.get("Location", ""))
        except http.client.HTTPException as error:
            raise Undelivered("unreachable") from error
        finally:
            connection.close()
        wanted = _redirected(first, url)
    raise Undelivered("redirected")


def _redirected(first: Target, url: str) -> Target:
    after = target(url)
    if after.origin != first.origin:
        raise Undelivered("redirected")
    return dataclasses.replace(after, authorization=first.authorization)


def _check(answer: http.client.HTTPResponse) -> None:
    """The response's content is read only for an error's code, and no more than a part."""
    status = answer.status
    if 200 <= status < 300:
        return
    usual = "failed" if status >= 500 else "redirected" if status < 400 else "rejected"
    pause = answer.headers.get("Retry-After", "")
    raise Undelivered(
        REASONS.get(status, usual),
        status=status,
        code=_code(answer),
        pause=float(pause) if PAUSE.fullmatch(pause) else 0,
    )


def _code(answer: http.client.HTTPResponse) -> str:
    """An object store's error code, such as ``NoSuchBucket``."""
    try:
        found = CODE.search(answer.read(LONGEST_ANSWER))
    except (OSError, http.client.HTTPException):
        return ""
    return found[1].decode() if found else ""
