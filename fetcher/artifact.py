"""What a source gives: one stream of bytes, or parts that can be read from anywhere. Types and laws, no I/O.

source: Opened ──> reader ──> Source (SHA-256) ──> inflate ──> format ──> tree
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

PIECE = 1024 * 1024
"""Bytes that one request asks for, and that a broken stream loses at most."""


class Part(Protocol):
    """An object that several threads may read at a time, each from wherever it likes."""

    @property
    def path(self) -> bytes:
        """Where it belongs in a folder."""

    @property
    def size(self) -> int:
        """In bytes."""

    @property
    def validator(self) -> str:
        """Another one for another content."""

    def fill(self, start: int, buffer: memoryview) -> None:
        """Fills the buffer with the bytes from ``start`` on.

        Raises ``Interrupted`` where another attempt may succeed, ``Changed`` where what was
        opened is no more, ``DownloadFailed`` otherwise.
        """


@dataclass(frozen=True)
class Parts:
    """One object (``is_folder`` False), or all of a folder in the order of their paths."""

    parts: Sequence[Part]
    is_folder: bool = False
    encoding: str = ""
    """By which the server says that it has packed the object, though nobody asked for it."""

    @property
    def size(self) -> int:
        """Of all together, in bytes."""
        return sum(part.size for part in self.parts)


@dataclass(frozen=True)
class Stream:
    """One object that can only be read once and from its beginning; ``size`` where that is known."""

    chunks: Iterator[bytes]
    size: int | None
    encoding: str = ""


Opened = Parts | Stream


@dataclass(frozen=True)
class Piece:
    """What one request asks for: ``size`` bytes of a part from ``start`` on, which is ``offset`` in the whole."""

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
