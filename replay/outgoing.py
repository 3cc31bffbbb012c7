"""The request that is sent, from the one that was captured: checked, and without what must not be repeated. No I/O.

A record is written by callers: nothing in it may add a header, a request or a record,
or lead anywhere but to the target.
"""

import re
from collections.abc import Iterable

from replay.exchange import REDACTED, Headers, Request, Skipped, Unusable, lowered

REPLAY_HEADER = "X-Mlendpoints-Replay"
VARIANT_HEADER = "X-Amzn-SageMaker-Target-Variant"
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
METHOD = re.compile(r"[A-Z]{1,20}")
_PCHAR = r"[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2}"
PATH = re.compile(rf"/(?:{_PCHAR}|/)*(?:\?(?:{_PCHAR}|[/?])*)?")
LONGEST_PATH = 64 * 1024
LARGEST_HEAD = 128 * 1024
NOT_SENT = {"CONNECT", "TRACE"}

HOP_BY_HOP = frozenset(
    (
        *("connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer"),
        *("transfer-encoding", "upgrade", "expect", "host", "content-length"),
    )
)
SECRET = re.compile(
    r"auth|cookie|token|secret|passw|pwd|(api|access|account|private|subscription)[-_]?key|credential|session|signature"
    r"|jwt|client-cert"
)
"""In the names of headers, as the proxy's capture redacts them; raw captures contain them."""
OF_THE_CALL = frozenset(
    (
        *("x-request-id", "traceparent", "tracestate", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"),
        *("x-real-ip", "accept-encoding"),
    )
)
"""What belonged to the call, its route and its traces, and is set again or not at all."""
PREFIXES = ("x-envoy-", "x-b3-", "x-mlendpoints-")


def checked(request: Request, largest_body: int) -> Request:
    """The request as it can be sent; raises ``Unusable``."""
    if not METHOD.fullmatch(request.method) or request.method in NOT_SENT:
        raise Unusable(Skipped.INVALID_METHOD)
    if len(request.path) > LONGEST_PATH or not PATH.fullmatch(request.path):
        raise Unusable(Skipped.INVALID_PATH)
    if len(request.body) > largest_body:
        raise Unusable(Skipped.BODY_TOO_LARGE)
    given = lowered(request.headers)
    if REPLAY_HEADER.lower() in given:
        raise Unusable(Skipped.REPLAYED)
    if not all(TOKEN.fullmatch(name) and VALUE.fullmatch(value) for name, value in request.headers):
        raise Unusable(Skipped.INVALID_HEADER)
    if sum(len(name) + len(value) for name, value in request.headers) > LARGEST_HEAD:
        raise Unusable(Skipped.INVALID_HEADER)
    return Request(request.method, request.path, _kept(request.headers, given.get("connection", "")), request.body)


def _kept(headers: Headers, connection: str) -> Headers:
    named = {name.strip().lower() for name in connection.split(",")}
    return tuple((name, value) for name, value in headers if not _is_left_out(name.lower(), value, named))


def _is_left_out(name: str, value: str, named: Iterable[str]) -> bool:
    return (
        name in HOP_BY_HOP | OF_THE_CALL
        or bool(SECRET.search(name))
        or name == VARIANT_HEADER.lower()
        or name.startswith(PREFIXES)
        or name in named
        or REDACTED in value
    )


def encoded(request: Request, host: str, added: Headers) -> bytes:
    """The bytes of the HTTP request for gor; ``added`` replaces headers of the same name."""
    ours = {
        "Host": host,
        "Accept-Encoding": "identity",
        REPLAY_HEADER: "1",
        "Content-Length": str(len(request.body)),
        **dict(added),
    }
    mine = {name.lower() for name in ours}
    headers = [*ours.items(), *((name, value) for name, value in request.headers if name.lower() not in mine)]
    lines = [f"{request.method} {request.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + request.body
