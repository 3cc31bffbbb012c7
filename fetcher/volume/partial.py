"""The cached partial download of an artifact, so that the download resumes after a kill.

    VOLUME/.partial/of       which artifact: hash of URL, sizes, validators
    VOLUME/.partial/data     pieces, each at its offset; holes for missing pieces
    VOLUME/.partial/pieces   a record for each stored piece, with its CRC-32

A piece counts only if its record exists and its checksum matches, so neither a kill nor a
lost page can cause a wrong byte. It uses only space that the model does not need: see
``budget``. It must not know how pieces are downloaded.
"""

import contextlib
import os
import shutil
import struct
import tempfile
import threading
from pathlib import Path

from fetcher.archives.inflate import fast
from fetcher.artifact import PIECE, Piece
from outbound import log

NAME = ".partial"
RECORD = struct.Struct("<II")
THERE = 0x70696563
FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class PartialDownload:
    """Pieces of one artifact, by their numbers; for several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._data = os.open(folder / "data", FLAGS, 0o600)
        self._records = os.open(folder / "pieces", FLAGS, 0o600)
        self.kept = os.fstat(self._data).st_blocks * 512
        self.alive = True

    def fill(self, piece: Piece, buffer: memoryview) -> bool:
        """Fills the buffer with a cached piece; False if it is not cached."""
        if not self.alive:
            return False
        with contextlib.suppress(OSError):
            record = os.pread(self._records, RECORD.size, piece.number * RECORD.size)
            there, checksum = RECORD.unpack(record) if len(record) == RECORD.size else (0, 0)
            if there == THERE and os.preadv(self._data, [buffer], piece.offset) == piece.size:
                return int(fast.crc32(buffer)) == int(checksum)
        return False

    def keep(self, piece: Piece, buffer: memoryview) -> None:
        """Caches a piece; if the volume is full, drops the cache."""
        with self._lock:
            if not self.alive:
                return
            self.kept += piece.size
        try:
            whole = os.pwrite(self._data, buffer, piece.offset) == piece.size
            if whole:
                record = RECORD.pack(THERE, fast.crc32(buffer))
                whole = os.pwrite(self._records, record, piece.number * RECORD.size) == RECORD.size
        except OSError:
            whole = False
        if not whole:
            self.drop()

    def drop(self) -> None:
        """Drops the cached partial download, frees its space, and caches nothing more."""
        with self._lock:
            if self.alive:
                log.info("Cached partial download dropped", bytes=self.kept)
                self.alive, self.kept = False, 0
                for descriptor in (self._records, self._data):
                    os.ftruncate(descriptor, 0)

    def close(self) -> None:
        """Closes it for a later run to resume; only once no thread uses it."""
        self.alive = False
        os.close(self._data)
        os.close(self._records)

    def whole(self) -> int:
        """A descriptor of the data, which the caller closes; only once every piece is cached."""
        return os.dup(self._data)


def open_partial(volume: Path, of: str) -> PartialDownload:
    """The cached partial download of the same artifact, or an empty one."""
    folder = volume / NAME
    label = folder / "of"
    if not _says(label, of):
        remove_partial(volume)
        folder.mkdir(mode=0o700)
        label.write_text(of)
    return PartialDownload(folder)


def first_request_size(volume: Path) -> int:
    """Bytes of the first request: a piece, or one byte if the first piece is probably cached."""
    return 1 if os.path.exists(volume / NAME / "pieces") else PIECE  # noqa: PTH110 - false if not accessible


def remove_partial(volume: Path) -> None:
    """Removes the cached partial download."""
    folder = volume / NAME
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():  # of another user (an earlier version's): moved out of the way
        folder.rename(tempfile.mkdtemp(prefix=".old-", dir=volume))


def _says(label: Path, of: str) -> bool:
    try:
        return not label.parent.is_symlink() and label.read_text() == of
    except (OSError, ValueError):
        return False
