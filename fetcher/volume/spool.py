"""What has been fetched of an artifact that is not yet installed, for the successor of a killed run.

    VOLUME/.partial/of       what it is of: URL, sizes, validators
    VOLUME/.partial/data     pieces, each at its offset; holes where pieces are missing
    VOLUME/.partial/pieces   a record for each piece that is there, with its CRC-32

A piece counts when its record is there and its checksum is right, so neither a kill
nor a lost page makes a wrong byte. It takes only room that the model does not need:
see ``room``. It must not know how pieces are fetched.
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

NAME = ".partial"
RECORD = struct.Struct("<II")
THERE = 0x70696563
FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class Spool:
    """Pieces of one artifact, by their numbers; for several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._data = os.open(folder / "data", FLAGS, 0o600)
        self._records = os.open(folder / "pieces", FLAGS, 0o600)
        self.kept = os.fstat(self._data).st_blocks * 512
        self.alive = True

    def fill(self, piece: Piece, buffer: memoryview) -> bool:
        """Fills the buffer with a piece that was kept; False where it was not."""
        if not self.alive:
            return False
        with contextlib.suppress(OSError):
            record = os.pread(self._records, RECORD.size, piece.number * RECORD.size)
            there, checksum = RECORD.unpack(record) if len(record) == RECORD.size else (0, 0)
            if there == THERE and os.preadv(self._data, [buffer], piece.offset) == piece.size:
                return int(fast.crc32(buffer)) == int(checksum)
        return False

    def keep(self, piece: Piece, buffer: memoryview) -> None:
        """Keeps a piece; where the volume is full, nothing is kept any more."""
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
        """Gives all its room back, and keeps nothing any more."""
        with self._lock:
            if self.alive:
                self.alive, self.kept = False, 0
                for descriptor in (self._records, self._data):
                    os.ftruncate(descriptor, 0)

    def close(self) -> None:
        """Leaves what is kept to a later run; only when no thread uses it any more."""
        self.alive = False
        os.close(self._data)
        os.close(self._records)

    def whole(self) -> int:
        """A descriptor of the data, which the caller closes; only when every piece has been filled or kept."""
        return os.dup(self._data)


def open_spool(volume: Path, of: str) -> Spool:
    """What an earlier run has kept of the same artifact, or an empty one."""
    folder = volume / NAME
    label = folder / "of"
    if not _says(label, of):
        remove(volume)
        folder.mkdir(mode=0o700)
        label.write_text(of)
    return Spool(folder)


def asks_first(volume: Path) -> int:
    """Bytes to ask for when a source is opened: a piece, but where the first is likely to be kept, as few as can be."""
    return 1 if os.path.exists(volume / NAME / "pieces") else PIECE  # noqa: PTH110 - false where it may not be seen


def remove(volume: Path) -> None:
    """Removes whatever is kept."""
    folder = volume / NAME
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():  # an earlier version's, whose user was another: its files stay, out of the way
        folder.rename(tempfile.mkdtemp(prefix=".old-", dir=volume))


def _says(label: Path, of: str) -> bool:
    try:
        return not label.parent.is_symlink() and label.read_text() == of
    except (OSError, ValueError):
        return False
