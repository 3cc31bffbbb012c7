"""A model server whose behaviour a test scripts by the path it asks for, and that tells what it saw."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.images.model_server import serving

WITHOUT_BODY = (204, 304)


@dataclass
class Upstream:
    """Paths: ``/hold`` answers in two parts, the second after ``go_on``; ``/silent`` answers nothing before that.

    ``/ping-500`` fails; ``/status/NNN`` answers with that status; others answer at once.
    """

    port: int = 0
    go_on: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)
    requests: list[dict[str, str]] = field(default_factory=list)
    callers: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


@contextmanager
def upstream() -> Iterator[Upstream]:
    """The server, until the block ends."""
    seen = Upstream()
    with serving(lambda handler: _answer(handler, seen), ("GET", "POST"), seen.go_on) as seen.port:
        yield seen


def _answer(handler: BaseHTTPRequestHandler, seen: Upstream) -> None:
    seen.requests.append({key.lower(): value for key, value in handler.headers.items()})
    seen.callers.append(handler.client_address[1])
    seen.bodies.append(handler.rfile.read(int(handler.headers.get("Content-Length", "0"))))
    status = _status(handler.path)
    whole = [] if status in WITHOUT_BODY else [b"ok"]
    parts = [b"first ", b"second"] if handler.path == "/hold" else whole
    if handler.path == "/silent":
        seen.held.set()
        seen.go_on.wait()
    handler.send_response(status)
    handler.send_header("Content-Length", str(sum(map(len, parts))))
    handler.send_header("X-Request-Id", "the-upstream's-own")
    handler.end_headers()
    try:
        for number, part in enumerate(parts):
            if number:
                seen.held.set()
                seen.go_on.wait()
            handler.wfile.write(part)
    except (BrokenPipeError, ConnectionResetError):
        handler.close_connection = True


def _status(path: str) -> int:
    if path.startswith("/status/"):
        return int(path.removeprefix("/status/"))
    return 500 if path == "/ping-500" else 200
