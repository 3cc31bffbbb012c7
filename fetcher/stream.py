"""Byte streams between the network and the extractor: hashed, counted, inflated. It must not know tar."""

import hashlib
import zlib
from collections.abc import Iterator
from typing import Protocol

from fetcher.failures import Invalid

CHUNK = 256 * 1024
RATIO_FREE = 16 * 1024 * 1024
"""Inflated bytes that no ratio is asked of: small archives of text compress very well."""


class Readable(Protocol):
    """Anything to read from."""

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; empty at the end."""


class Source:
    """The artifact as it arrives: hashed and counted chunk by chunk; raises ``Invalid`` beyond the limit."""

    def __init__(self, chunks: Iterator[bytes], limit_bytes: int) -> None:
        self._chunks = chunks
        self._limit = limit_bytes
        self._sum = hashlib.sha256()
        self._ahead = b""
        self.count = 0

    @property
    def digest(self) -> str:
        """Of all that has arrived so far."""
        return f"sha256:{self._sum.hexdigest()}"

    def head(self, size: int) -> bytes:
        """The next ``size`` bytes, or fewer at the end, without consuming them."""
        while len(self._ahead) < size and (chunk := self._next()):
            self._ahead += chunk
        return self._ahead[:size]

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; empty at the end."""
        if not self._ahead:
            self._ahead = self._next()
        taken, self._ahead = self._ahead[:size], self._ahead[size:]
        return taken

    def drain(self) -> None:
        """Lets the rest arrive, for its digest."""
        self._ahead = b""
        while self._next():
            pass

    def _next(self) -> bytes:
        chunk = next(self._chunks, b"")
        self._sum.update(chunk)
        self.count += len(chunk)
        if self.count > self._limit:
            raise Invalid(f"is larger than the {self._limit} bytes allowed; give the variant more `size`")
        return chunk


class Inflated:
    """A gzip stream of one or more members, inflated; raises ``Invalid`` where damaged, cut off or a bomb."""

    def __init__(self, source: Readable, limit_ratio: int) -> None:
        self._source = source
        self._ratio = limit_ratio
        self._member = zlib.decompressobj(wbits=31)
        self._waiting = b""
        self._packed = 0
        self._unpacked = 0

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; empty at the end."""
        while self._refill():
            inflated = self._inflate(size)
            if inflated:
                return inflated
        return b""

    def _refill(self) -> bool:
        """Whether there is something to inflate; False at the proper end."""
        if self._member.eof:
            self._waiting = self._member.unused_data.lstrip(b"\0") or self._fetch().lstrip(b"\0")
            if not self._waiting:
                return False
            self._member = zlib.decompressobj(wbits=31)
        self._waiting = self._waiting or self._fetch()
        if not self._waiting:
            raise Invalid("is cut off: its gzip stream has no end")
        return True

    def _fetch(self) -> bytes:
        packed = self._source.read(CHUNK)
        self._packed += len(packed)
        return packed

    def _inflate(self, size: int) -> bytes:
        try:
            inflated = self._member.decompress(self._waiting, size)
        except zlib.error as error:
            raise Invalid(f"is damaged: {error}") from error
        self._waiting = self._member.unconsumed_tail
        self._unpacked += len(inflated)
        if self._unpacked > max(RATIO_FREE, self._packed * self._ratio):
            raise Invalid(f"unpacks to more than {self._ratio} times its size, as bombs do")
        return inflated
