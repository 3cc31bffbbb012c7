"""Byte streams between the network and the extractor: hashed, counted, read ahead. It must not know formats."""

import hashlib
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from fetcher.failures import TooLarge

CHUNK = 256 * 1024
AHEAD = 8
"""Chunks buffered between two threads, at most."""


class Readable(Protocol):
    """Anything to read from."""

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; empty at the end."""


class Source:
    """The artifact as it arrives: hashed and counted chunk by chunk; raises ``TooLarge`` beyond the limit."""

    def __init__(self, chunks: Iterator[bytes | memoryview], limit_bytes: int) -> None:
        self._chunks = chunks
        self._limit = limit_bytes
        self._sum = hashlib.sha256()
        self._ahead = memoryview(b"")
        self.count = 0

    @property
    def digest(self) -> str:
        """Of everything received so far."""
        return f"sha256:{self._sum.hexdigest()}"

    def head(self, size: int) -> bytes:
        """The next ``size`` bytes, or fewer at the end, without consuming them."""
        found = bytearray(self._ahead)
        while len(found) < size and (chunk := self._next()):
            found += chunk
        self._ahead = memoryview(bytes(found))
        return bytes(self._ahead[:size])

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; empty at the end."""
        if not self._ahead:
            self._ahead = self._next()
        taken, self._ahead = self._ahead[:size], self._ahead[size:]
        return bytes(taken)

    def drain(self) -> None:
        """Reads the rest, for its digest."""
        self._ahead = memoryview(b"")
        while self._next():
            pass

    def _next(self) -> memoryview:
        chunk = memoryview(next(self._chunks, b""))
        self._sum.update(chunk)
        self.count += len(chunk)
        if self.count > self._limit:
            raise TooLarge(f"is larger than the {self._limit} bytes allowed; increase `size`")
        return chunk


class Ahead:
    """Reads a stream in its own thread, so that producer and consumer run concurrently."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._chunks: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._failure: BaseException | None = None
        self._closed = False
        self._rest = b""
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; empty at the end; raises what the stream raised."""
        if not self._rest:
            self._rest = self._next()
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def close(self) -> None:
        """Waits until the thread has stopped reading."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _next(self) -> bytes:
        with self._changed:
            self._changed.wait_for(lambda: self._chunks or self._failure)
            if not self._chunks:
                raise self._failure or EOFError
            chunk = self._chunks[0]
            if chunk:
                self._chunks.popleft()
                self._changed.notify_all()
            return chunk

    def _work(self) -> None:
        try:
            while self._put(self._stream.read(CHUNK)):
                pass
        except BaseException as error:  # noqa: BLE001 - raised again where the stream is read
            with self._changed:
                self._failure = error
                self._changed.notify_all()

    def _put(self, chunk: bytes) -> bool:
        """Whether there is more to read."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._chunks) < AHEAD or self._closed)
            self._chunks.append(chunk)
            self._changed.notify_all()
            return bool(chunk) and not self._closed


@contextmanager
def ahead(stream: Readable) -> Iterator[Readable]:
    """The same stream, read ahead; when the block ends, nothing reads it any more.

    On SIGTERM it does not wait for the server's next byte.
    """
    reader = Ahead(stream)
    try:
        yield reader
    except Exception:
        reader.close()
        raise
    reader.close()
