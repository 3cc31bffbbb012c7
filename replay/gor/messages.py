"""gor's messages as what is replayed and compared. No I/O."""

from replay.exchange import Request, Response
from replay.gor import http

VARIANT = "x-amzn-invoked-production-variant"


def read_request(message: bytes) -> Request:
    """Raises ``http.Unreadable``."""
    read = http.read_request(message)
    return Request(read.method, read.target, read.headers, read.body)


def read_response(message: bytes, method: str) -> tuple[Response, str]:
    """The response, and the variant that it names; raises ``http.Unreadable``."""
    read = http.read_response(message, method)
    response = Response(read.status, read.header("content-type"), read.body, read.header("content-encoding"))
    return response, read.header(VARIANT)
