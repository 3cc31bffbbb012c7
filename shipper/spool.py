"""The spool: a folder that nginx appends to. Its files are not trusted: strict names, no links, no devices.

It must not know what becomes of the files.
"""

import heapq
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shipper.names import SpoolFile, spool_file
from shipper.records import Tally

MOST_FILES = 20_000
"""Looked at in one round, the oldest first."""
LARGEST_FILE = 24 * 1024 * 1024
"""nginx ends its files at 16 MiB; larger ones are not its own, and are left alone."""
AT_ONCE = 64 * 1024
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Spool:
    """The folder, by a descriptor."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def files(self) -> list[SpoolFile]:
        """The oldest files by name."""
        with os.scandir(self._folder) as entries:
            found = (file for entry in entries if (file := spool_file(entry.name)))
            return heapq.nsmallest(MOST_FILES, found, key=lambda file: (file.slot, file.boot, file.number))

    def size(self, file: SpoolFile) -> int | None:
        """In bytes; None if it is gone, or is not a regular file of reasonable size."""
        try:
            found = os.stat(file.name, dir_fd=self._folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        return found.st_size if _is_sound(found) else None

    @contextmanager
    def opened(self, file: SpoolFile) -> Iterator[int]:
        """A descriptor to read from; raises ``OSError``."""
        descriptor = os.open(file.name, READ, dir_fd=self._folder)
        try:
            if not _is_sound(os.fstat(descriptor)):
                raise OSError("not a regular file of reasonable size")
            yield descriptor
        finally:
            os.close(descriptor)

    def remove(self, file: SpoolFile) -> None:
        """Raises ``OSError``."""
        os.unlink(file.name, dir_fd=self._folder)


def _is_sound(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode) and found.st_size <= LARGEST_FILE


def whole_lines(descriptor: int, start: int, stop: int) -> Iterator[bytes]:
    """The lines between two offsets, without a last one that does not end there."""
    with open(descriptor, "rb", closefd=False) as stream:
        stream.seek(start)
        left = stop - start
        while left and (line := stream.readline(left)).endswith(b"\n"):
            left -= len(line)
            yield line


def records(descriptor: int, tally: Tally, stop: int) -> Iterator[bytes]:
    """The records to deliver, byte for byte, in pieces; the tally counts them. Large ones are not copied."""
    piece: list[bytes] = []
    size = 0
    for line in whole_lines(descriptor, 0, stop):
        if not tally.add(line):
            continue
        if size + len(line) > AT_ONCE and piece:
            yield b"".join(piece)
            piece, size = [], 0
        piece.append(line)
        size += len(line)
    if piece:
        yield b"".join(piece)
