"""Servers that misbehave: each connection is handled by a function."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Hostile:
    """Where it listens, and the bytes that it has received on each connection."""

    port: int
    received: list[bytes] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


Behavior = Callable[[socket.socket, Hostile], None]


@contextmanager
def hostile(behavior: Behavior) -> Iterator[Hostile]:
    """Until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Hostile(listener.getsockname()[1])
        threading.Thread(target=_accept, args=(listener, server, behavior), daemon=True).start()
        try:
            yield server
        finally:
            server.ended.set()
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, server: Hostile, behavior: Behavior) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, server, behavior), daemon=True).start()


def _serve(client: socket.socket, server: Hostile, behavior: Behavior) -> None:
    with client, contextlib.suppress(OSError):
        behavior(client, server)


def hangs(_client: socket.socket, server: Hostile) -> None:
    """Reads nothing."""
    server.ended.wait()


def is_silent(client: socket.socket, server: Hostile) -> None:
    """Reads everything, responds nothing."""
    while chunk := client.recv(65536):
        server.received.append(chunk)


def trickles(client: socket.socket, server: Hostile) -> None:
    """Its response's head never ends."""
    client.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while not server.ended.wait(0.05):
        client.sendall(b"x")


def floods(client: socket.socket, server: Hostile) -> None:
    """Its response's head never ends, quickly."""
    client.sendall(b"HTTP/1.1 200 OK\r\n")
    while not server.ended.is_set():
        client.sendall(b"X: " + b"x" * 60_000 + b"\r\n")


def never_ends(client: socket.socket, server: Hostile) -> None:
    """Responds with endless content."""
    _head(client)
    client.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
    while not server.ended.is_set():
        client.sendall(b"x" * 65536)


def denies(client: socket.socket, _server: Hostile) -> None:
    """As S3 does, before it has received everything; it quotes what was sent."""
    head = _head(client)
    body = b"<Error><Code>InvalidAccessKeyId</Code><Message>" + head + b"</Message></Error>"
    client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    while client.recv(65536):
        pass


def rejects_with_code(client: socket.socket, server: Hostile) -> None:
    """As S3 does with 400; it has received everything."""
    server.received.append(_head(client))
    body = b"<Error><Code>ExpiredToken</Code></Error>"
    client.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    while client.recv(65536):
        pass


def closes(_client: socket.socket, _server: Hostile) -> None:
    """At once."""


def hangs_up(client: socket.socket, _server: Hostile) -> None:
    """After the request's head, without a word."""
    _head(client)


def notes(client: socket.socket, server: Hostile) -> None:
    """Accepts anything, and keeps the head."""
    server.received.append(_head(client))
    client.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def redirecting(location: str) -> Behavior:
    """To there, always."""

    def redirects(client: socket.socket, _server: Hostile) -> None:
        _head(client)
        client.sendall(f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())

    return redirects


def _head(client: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        chunk = client.recv(4096)
        if not chunk:
            break
        head += chunk
    return head
