"""Decompresses streams in bounded memory: gzip (by ISA-L if its wheel is installed, else zlib) and Zstandard."""

import zlib
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Protocol

from backports import zstd

from fetcher.failures import Invalid
from fetcher.stream import CHUNK, Readable

try:
    fast: ModuleType = import_module("isal.isal_zlib")
except ImportError:  # no wheel for this platform
    fast = zlib

GZIP = b"\x1f\x8b"
ZSTD = (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + number, 0x2A, 0x4D, 0x18]) for number in range(16)))
LONGEST_MAGIC = 4
RATIO_FREE = 16 * 1024 * 1024
"""Inflated bytes that are exempt from the ratio: small archives of text compress very well."""
WINDOW_LOG = 23
"""8 MiB, which every Zstandard decoder supports (RFC 8878, section 3.1.1.1.2) and all levels up to 19 stay within."""
ERRORS: tuple[type[Exception], ...] = (zlib.error, fast.error, zstd.ZstdError)


class Member(Protocol):
    """One gzip member or one Zstandard frame."""

    @property
    def eof(self) -> bool:
        """Whether its end has been reached."""

    @property
    def unused_data(self) -> bytes:
        """The bytes after its end."""

    def give(self, packed: bytes, size: int) -> bytes:
        """At most ``size`` inflated bytes; empty if more compressed bytes are needed."""


class GzipMember:
    """See ``Member``."""

    def __init__(self) -> None:
        self._inflater = fast.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        """See ``Member``."""
        return bool(self._inflater.eof)

    @property
    def unused_data(self) -> bytes:
        """See ``Member``."""
        return bytes(self._inflater.unused_data)

    def give(self, packed: bytes, size: int) -> bytes:
        """See ``Member``."""
        return bytes(self._inflater.decompress(self._inflater.unconsumed_tail + packed, size))


class ZstdFrame:
    """See ``Member``."""

    def __init__(self) -> None:
        options: Mapping[int, int] = {zstd.DecompressionParameter.window_log_max: WINDOW_LOG}
        self._inflater = zstd.ZstdDecompressor(options=options)

    @property
    def eof(self) -> bool:
        """See ``Member``."""
        return self._inflater.eof

    @property
    def unused_data(self) -> bytes:
        """See ``Member``."""
        return self._inflater.unused_data

    def give(self, packed: bytes, size: int) -> bytes:
        """See ``Member``."""
        return self._inflater.decompress(packed, size)


def member_for(head: bytes) -> type[GzipMember | ZstdFrame] | None:
    """The compression that these first bytes indicate; None if none."""
    if head.startswith(GZIP):
        return GzipMember
    return ZstdFrame if head.startswith(ZSTD) else None


class Inflated:
    """One or more members, inflated; raises ``Invalid`` if corrupt, truncated or a decompression bomb."""

    def __init__(self, source: Readable, kind: type[GzipMember | ZstdFrame], limit_ratio: int) -> None:
        self._source = source
        self._kind = kind
        self._ratio = limit_ratio
        self._member: Member = kind()
        self._begun = False
        self._packed = 0
        self._unpacked = 0

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; empty at the end."""
        inflated = self._give(b"", size) if self._begun and not self._member.eof else b""
        while not inflated:
            packed = self._refill()
            if not packed:
                return b""
            inflated = self._give(packed, size)
        return inflated

    def _refill(self) -> bytes:
        """More compressed bytes; empty at the proper end."""
        if self._member.eof:
            return self._next_member()
        packed = self._fetch()
        if not packed:
            raise Invalid("is truncated: its compressed stream has no end")
        self._begun = True
        return packed

    def _next_member(self) -> bytes:
        """The start of the next member; zeros between members are padding."""
        packed = self._member.unused_data.lstrip(b"\0")
        while not packed:
            fetched = self._fetch()
            if not fetched:
                return b""
            packed = fetched.lstrip(b"\0")
        while len(packed) < LONGEST_MAGIC and (fetched := self._fetch()):
            packed += fetched
        if member_for(packed) is not self._kind:
            raise Invalid("is corrupt: there is data after its end")
        self._member = self._kind()
        return packed

    def _fetch(self) -> bytes:
        packed = self._source.read(CHUNK)
        self._packed += len(packed)
        return packed

    def _give(self, packed: bytes, size: int) -> bytes:
        try:
            inflated = self._member.give(packed, size)
        except ERRORS as error:
            raise Invalid(f"is corrupt: {_explained(error)}") from error
        self._unpacked += len(inflated)
        if self._unpacked > max(RATIO_FREE, self._packed * self._ratio):
            raise Invalid(f"unpacks to more than {self._ratio} times its size, as decompression bombs do")
        return inflated


def _explained(error: Exception) -> str:
    if "memory" in str(error) or "window" in str(error).lower():
        return "it was compressed with a window of more than 8 MiB; compress it without --long and --ultra"
    return str(error)
