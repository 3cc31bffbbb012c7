"""A forward proxy that knows CONNECT alone, for tests of HTTPS through a proxy."""

import selectors
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Tunnel:
    """Where it listens, the heads of the requests it has seen, and what it answers to all of them."""

    url: str = ""
    heads: list[str] = field(default_factory=list)
    answer: str = "200 Connection established"


@contextmanager
def tunnel(answer: str = Tunnel.answer) -> Iterator[Tunnel]:
    """Until the block ends."""
    made = Tunnel(answer=answer)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            made.heads.append(_head(self.request))
            self.request.sendall(f"HTTP/1.1 {made.answer}\r\n\r\n".encode())
            host, _, port = made.heads[-1].split()[1].rpartition(":")
            if made.answer.startswith("200"):
                with socket.create_connection((host, int(port))) as other:
                    _pass_on(self.request, other)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


def _head(connection: socket.socket) -> str:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    return head.decode()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with selectors.DefaultSelector() as ready:
        ready.register(one, selectors.EVENT_READ, other)
        ready.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in ready.select():
                chunk = key.fileobj.recv(65536)  # type: ignore[union-attr]
                if not chunk:
                    return
                key.data.sendall(chunk)
