"""A model server that answers with what it was sent, in the ways that a model's answers can arrive."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.images.model_server import serving


@dataclass
class Echo:
    """Paths: ``/stream`` answers line by line, each but the first after ``go_on``; ``/broken`` stops half-way.

    ``/status/NNN`` answers with that status; others with 200. The answer has the request's body and Content-Type.
    """

    port: int = 0
    go_on: threading.Event = field(default_factory=threading.Event)


@contextmanager
def echo() -> Iterator[Echo]:
    """The server, until the block ends."""
    seen = Echo()
    with serving(lambda handler: _answer(handler, seen), ("GET", "HEAD", "POST"), seen.go_on) as seen.port:
        yield seen


def _answer(handler: BaseHTTPRequestHandler, seen: Echo) -> None:
    body = _body(handler)
    status = int(handler.path.removeprefix("/status/")) if handler.path.startswith("/status/") else 200
    handler.send_response(status)
    if kind := handler.headers.get("Content-Type"):
        handler.send_header("Content-Type", kind)
    handler.send_header("Set-Cookie", handler.headers.get("X-Cookie", "none"))
    try:
        if handler.path == "/stream":
            _stream(handler, body, seen)
        else:
            _whole(handler, body)
    except (BrokenPipeError, ConnectionResetError):
        handler.close_connection = True


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    """nginx sends a body of unknown length with its length, once it has received it."""
    return handler.rfile.read(int(handler.headers.get("Content-Length", "0")))


def _whole(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if handler.path == "/broken":
        handler.wfile.write(body[: len(body) // 2])
        handler.close_connection = True
    elif handler.command != "HEAD":
        handler.wfile.write(body)


def _stream(handler: BaseHTTPRequestHandler, body: bytes, seen: Echo) -> None:
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for number, line in enumerate(body.splitlines(keepends=True)):
        if number:
            seen.go_on.wait()
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
    handler.wfile.write(b"0\r\n\r\n")
