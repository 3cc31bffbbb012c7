"""HTTP by hand, on both sides of a proxy: what is sent and what arrives, byte for byte."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.images.processes import PATIENCE_SECONDS

END = b"\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@dataclass
class Script:
    """A server that answers each connection with the same bytes and closes it; ``heads`` is what it was asked."""

    port: int
    heads: list[bytes] = field(default_factory=list)

    def header_lines(self) -> set[bytes]:
        """Those of the only request."""
        (head,) = self.heads
        return set(head.removesuffix(END).split(b"\r\n")[1:])


@contextmanager
def scripted(answer: bytes = OK) -> Iterator[Script]:
    """The server, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen = Script(listener.getsockname()[1])
        thread = threading.Thread(target=_serve, args=(listener, answer, seen), daemon=True)
        thread.start()
        yield seen
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(listener: socket.socket, answer: bytes, seen: Script) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            seen.heads.append(_head(connection))
            connection.sendall(answer)


def _head(connection: socket.socket) -> bytes:
    """The request's head; its body, of known length, is read, too."""
    connection.settimeout(PATIENCE_SECONDS)
    data = b""
    while END not in data:
        data += connection.recv(1 << 16)
    head, _, body = data.partition(END)
    length = re.search(rb"(?i)\r\nContent-Length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += connection.recv(1 << 16)
    return head + END


def received(connection: socket.socket, *, until: bytes = b"") -> bytes:
    """What comes until it ends so; without an end, until the connection is closed, or reset behind what has come.

    A server that responds before it has read the whole request resets the connection as it closes it.
    """
    connection.settimeout(PATIENCE_SECONDS)
    data = b""
    try:
        while (not until or not data.endswith(until)) and (more := connection.recv(1 << 16)):
            data += more
    except ConnectionResetError:
        if not data:
            raise
    return data


def exchange(port: int, request: bytes, *, family: str = "127.0.0.1") -> bytes:
    """The whole answer to a request that asks to close the connection, or breaks the rules."""
    with socket.create_connection((family, port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(request)
        return received(connection)


def get(*lines: bytes, path: bytes = b"/invocations", host: bytes = b"Host: titanic.example.com") -> bytes:
    """A request of these header lines."""
    return b"\r\n".join([b"GET " + path + b" HTTP/1.1", host, b"Connection: close", *lines]) + END
