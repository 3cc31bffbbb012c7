"""``python -m bench.fetch.origin``: an HTTP/1.1 server with ranges, of a rate and a latency that are asked of it.

All connections share one token bucket. Bytes go from the page cache into sockets by
``sendfile``, a thread for each connection, so that the server takes as little of the
processors as one can. It must not be faster, nor answer sooner, than a link would.
"""

import argparse
import contextlib
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.fetch.bucket import Bucket

CHUNK = 256 * 1024
LEAST_SLEEP = 0.0005
"""Shorter waits are left to add up."""
RANGE = re.compile(rb"\r\nrange: bytes=(\d+)-(\d*)\r\n", re.IGNORECASE)
WANTED = re.compile(rb"\r\nif-match: ([^\r]+)\r\n", re.IGNORECASE)
KINDS = {".gz": "application/x-gzip", ".tar": "application/x-tar", ".zip": "application/zip"}


@dataclass(frozen=True)
class Link:
    """A network: ``rate`` in bytes a second, 0 for no limit; ``latency`` in seconds, of a round trip."""

    rate: float = 0.0
    latency: float = 0.0


class Origin:
    """Serves one folder; ``sent`` counts the bytes of bodies that have left."""

    def __init__(self, folder: Path, link: Link) -> None:
        self._folder = folder
        self._link = link
        self._bucket = Bucket(link.rate)
        self._lock = threading.Condition()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listening.getsockname()[1]
        self.sent = 0
        self._talks = 0

    def serve(self) -> None:
        """Until ``close``."""
        with contextlib.suppress(OSError):  # it was closed
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def close(self) -> None:
        """Takes no more connections; those that are open end with their clients."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def wait_sent(self, total: int, seconds: float) -> bool:
        """Whether so many bytes left before the time was over."""
        with self._lock:
            return self._lock.wait_for(lambda: self.sent >= total, seconds)

    def wait_idle(self, seconds: float) -> bool:
        """Whether all connections ended before the time was over."""
        with self._lock:
            return self._lock.wait_for(lambda: not self._talks, seconds)

    def _talk(self, connection: socket.socket) -> None:
        with self._lock:
            self._talks += 1
        try:
            self._converse(connection)
        finally:
            with self._lock:
                self._talks -= 1
                self._lock.notify_all()

    def _converse(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        delay = 2 * self._link.latency  # a round trip for the connection, one for the request
        with connection, contextlib.suppress(OSError):  # the client has gone
            while head := _head(connection):
                time.sleep(delay)
                self._answer(connection, head)
                delay = self._link.latency

    def _answer(self, connection: socket.socket, head: bytes) -> None:
        path = self._folder / head.split(b" ", 2)[1].decode().rpartition("/")[2]
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            etag = f'"{found.st_size:x}-{found.st_mtime_ns:x}"'.encode()
            wanted = WANTED.search(head)
            if wanted and wanted[1] != etag:
                connection.sendall(b"HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n")
                return
            status, start, size = _span(RANGE.search(head), found.st_size)
            more = f"Content-Type: {KINDS.get(path.suffix, 'application/octet-stream')}\r\nContent-Length: {size}\r\n"
            connection.sendall(b"HTTP/1.1 " + status + b"\r\nETag: " + etag + b"\r\n" + more.encode() + b"\r\n")
            self._send(connection, file.fileno(), range(start, start + size))

    def _send(self, connection: socket.socket, file: int, span: range) -> None:
        for start in span[::CHUNK]:
            end = min(start + CHUNK, span.stop)
            with self._lock:
                pause = self._bucket.wait(end - start, time.monotonic())
            if pause > LEAST_SLEEP:
                time.sleep(pause)
            while start < end:
                count = os.sendfile(connection.fileno(), file, start, end - start)
                start += count  # noqa: PLW2901 - what is left of the chunk
                with self._lock:
                    self.sent += count
                    self._lock.notify_all()


@contextlib.contextmanager
def origin(folder: Path, link: Link) -> Iterator[Origin]:
    """An origin in threads of this process."""
    found = Origin(folder, link)
    threading.Thread(target=found.serve, daemon=True).start()
    try:
        yield found
    finally:
        found.close()


def _head(connection: socket.socket) -> bytes:
    """A request's head; empty when the client has ended."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        more = connection.recv(8192)
        if not more:
            return b""
        head += more
    return head


def _span(found: re.Match[bytes] | None, size: int) -> tuple[bytes, int, int]:
    """The status line with a Content-Range, the first byte and the number of bytes."""
    if not found:
        return b"200 OK", 0, size
    first = int(found[1])
    last = min(int(found[2] or size - 1), size - 1)
    return b"206 Partial Content\r\nContent-Range: bytes %d-%d/%d" % (first, last, size), first, last - first + 1


def main() -> None:
    """Prints the port, then serves until it is ended."""
    parser = argparse.ArgumentParser(prog="python -m bench.fetch.origin", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rate", type=float, default=0.0, help="bytes a second (no limit)")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds (none)")
    options = parser.parse_args()
    found = Origin(options.folder, Link(options.rate, options.latency))
    print(found.port, flush=True)
    found.serve()


if __name__ == "__main__":
    main()
