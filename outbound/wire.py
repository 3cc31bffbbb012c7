"""A socket with a read timeout that a slow or hostile server cannot extend.

    socket ──> Wire (waits, counts) ──> http.client ──> content

A timeout per read does not bound a response: a status line, a header, a hundred
``100 Continue``, a chunk's size or a trailer can each be sent a byte at a time, forever.
So the reader has an allowance of waiting, which only content renews; an upload has a
deadline. It must not know HTTP.
"""

import io
import socket
import time
from collections.abc import Callable
from typing import Any, Protocol

SLOWEST = 1024
"""Bytes of content per second, averaged over an allowance; less counts as silence."""
MOST_FRAMING = 1024 * 1024
"""Bytes between two pieces of content; a response's head or a chunk's framing is far smaller."""
RECORD = 16 * 1024
"""The content of a TLS record: no call sends more, since each may wait as long as the pace allows."""


class Pace(Protocol):
    """How long to wait for a server, within one request."""

    def begin(self) -> None:
        """Resets it for a new request."""

    def left(self) -> float:
        """How long the next read or write may wait; raises ``TimeoutError`` once it is used up."""

    def waited(self, seconds: float, count: int) -> None:
        """Records the duration and bytes of a read, framing included; raises ``TimeoutError``."""

    def got(self, count: int) -> None:
        """Records bytes of content."""


class Allowance:
    """How long a reader may wait for a server. No I/O, no clock."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.begin()

    def begin(self) -> None:
        """Resets it for a new request."""
        self._left = self._seconds
        self._content = self._framing = self._raw = 0

    def left(self) -> float:
        """How long the next read may wait; raises ``TimeoutError`` once it is used up."""
        if self._left <= 0:
            self._renew()
        return self._left

    def waited(self, seconds: float, count: int) -> None:
        """Records the duration and bytes of a read, framing included; raises ``TimeoutError``."""
        self._left -= seconds
        self._raw += count
        self._framing += count
        if self._framing > MOST_FRAMING:
            raise TimeoutError("the server sends endless headers or trailers")

    def got(self, count: int) -> None:
        """Records bytes of content."""
        self._content += count
        self._framing = 0

    def _renew(self) -> None:
        if not self._raw:
            raise TimeoutError(f"timeout: the server sent nothing for {self._seconds:g} s")
        if self._content < SLOWEST * self._seconds:
            raise TimeoutError(f"timeout: the server sent only {self._content} bytes of content in {self._seconds:g} s")
        self._left = self._seconds
        self._content = self._raw = 0


class Deadline:
    """A request and its response have so many seconds together, however many bytes arrive."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self.begin()

    def begin(self) -> None:
        """See ``Pace``."""
        self._until = self._clock() + self._seconds

    def left(self) -> float:
        """See ``Pace``."""
        if (left := self._until - self._clock()) <= 0:
            raise TimeoutError(f"timeout: the request took longer than {self._seconds:g} s")
        return left

    def waited(self, seconds: float, count: int) -> None:
        """The clock knows."""

    def got(self, count: int) -> None:
        """Content earns no more time."""


class Wire:
    """The part of a socket's interface that ``http.client`` needs, for sequential requests."""

    def __init__(self, connection: socket.socket, pace: Pace) -> None:
        self._socket = connection
        self.pace = pace

    def sendall(self, request: bytes) -> None:
        """Sends a part of the request."""
        pieces = memoryview(request)
        while pieces:
            self._socket.settimeout(self.pace.left())
            self._socket.sendall(pieces[:RECORD])
            pieces = pieces[RECORD:]

    def makefile(self, _mode: str) -> io.BufferedReader:
        """The stream that the response is read from."""
        return io.BufferedReader(_Reader(self._socket, self.pace))

    def close(self) -> None:
        """Closes the socket once no response reads from it."""
        self._socket.close()


class _Reader(io.RawIOBase):
    def __init__(self, connection: socket.socket, pace: Pace) -> None:
        super().__init__()
        self._socket = connection
        self._user = connection.makefile("rb", buffering=0)  # keeps the socket open until this is closed
        self._pace = pace

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any buffer
        while True:
            self._socket.settimeout(self._pace.left())
            since = time.monotonic()
            try:
                count = self._socket.recv_into(buffer)
            except TimeoutError:
                count = None
            self._pace.waited(time.monotonic() - since, count or 0)
            if count is not None:
                return count

    def close(self) -> None:
        self._user.close()
        super().close()
