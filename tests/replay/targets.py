"""Servers that are replayed against: they note what they get, and respond as they are told."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PINGS = "/.well-known/mlendpoints/ping"


@dataclass(frozen=True)
class Received:
    """A request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What a target responds; without ``body`` the connection is closed instead."""

    body: bytes | None = b"{}"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


@dataclass
class Target:
    """A running target. Pings are answered by ``pings``: the path's end and the body."""

    url: str
    answer: Callable[[Received], Answer]
    pings: Mapping[str, str]
    received: list[Received] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body are sent together: otherwise the second would wait for the first's (late) ACK
    target: Target

    def _respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        path = self.requestline.split(" ")[1]  # self.path lacks leading slashes
        received = Received(self.command, path, dict(self.headers), body)
        if self.path.startswith(PINGS):
            pinged = self.target.pings.get(self.path.removeprefix(PINGS))
            self._send(Answer(None if pinged is None else pinged.encode(), 200) if pinged else Answer(b"{}", 404))
            return
        self.target.received.append(received)
        self._send(self.target.answer(received))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _respond  # noqa: N815 - the library's names

    def _send(self, answer: Answer) -> None:
        if answer.body is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 - the library's signature
        """Says nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:  # noqa: ANN401 - the library's signature
        """Clients may leave early."""


@contextmanager
def target(
    answer: Callable[[Received], Answer] = lambda _: Answer(), pings: Mapping[str, str] | None = None
) -> Iterator[Target]:
    """Until the block ends."""

    class Handler(_Handler):
        """The handler of this target alone."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        Handler.target = found = Target(f"http://127.0.0.1:{server.server_port}", answer, pings or {})
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
