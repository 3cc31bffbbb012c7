"""What a source provides: one stream of bytes, or parts with random access. Types only, no I/O.

source: Opened ──> reader ──> Source (SHA-256) ──> inflate ──> format ──> tree
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

PIECE = 1024 * 1024
"""Bytes per range request; a broken stream loses at most this much."""


class Part(Protocol):
    """An object that several threads may read concurrently, at any offset."""

    @property
    def path(self) -> bytes:
        """Its path in a folder."""

    @property
    def size(self) -> int:
        """In bytes."""

    @property
    def validator(self) -> str:
        """Differs whenever the content differs (as an ETag)."""

    def fill(self, start: int, buffer: memoryview) -> None:
        """Fills the buffer with the bytes from ``start`` on.

        Raises ``Interrupted`` if a retry may succeed, ``Changed`` if the object was
        replaced since it was opened, ``RequestFailed`` otherwise.
        """


@dataclass(frozen=True)
class Parts:
    """One object (``is_folder`` False), or all of a folder in the order of their paths."""

    parts: Sequence[Part]
    is_folder: bool = False
    encoding: str = ""
    """The Content-Encoding that the server applied without being requested to."""

    @property
    def size(self) -> int:
        """Total size in bytes."""
        return sum(part.size for part in self.parts)


@dataclass(frozen=True)
class Stream:
    """One object that can be read only once, from its start; ``size`` if known."""

    chunks: Iterator[bytes]
    size: int | None
    encoding: str = ""


Opened = Parts | Stream


@dataclass(frozen=True)
class Piece:
    """One range request: ``size`` bytes of a part from ``start``, at ``offset`` in the whole artifact."""

    number: int
    part: Part
    start: int
    size: int
    offset: int


def pieces(parts: Sequence[Part]) -> Iterator[Piece]:
    """All pieces, in order; no piece spans two parts."""
    number = offset = 0
    for part in parts:
        for start in range(0, part.size, PIECE):
            size = min(PIECE, part.size - start)
            yield Piece(number, part, start, size, offset)
            number, offset = number + 1, offset + size
