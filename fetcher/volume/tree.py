"""Writes below one folder only (no path traversal).

Every component is opened from its parent's descriptor with ``O_NOFOLLOW``, so that no
link is ever followed, whoever created it. It must not decide what is written.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Self

from fetcher.failures import Invalid
from fetcher.volume.budget import Budget
from fetcher.volume.disk import Disk

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FOLDER_SIZE = 4096
"""Bytes that a folder occupies on most file systems."""
SYNC_EVERY = 16 * 1024 * 1024
"""Bytes after which a file is synced, so that the disk is busy from the start."""
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Tree:
    """A folder to fill, until the block ends; files are readable by any user, whatever the umask."""

    def __init__(self, root: Path, budget: Budget) -> None:
        self.root = root
        self.files = 0
        self._budget = budget
        self._disk = Disk()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._disk.close()

    def make_folder(self, path: Sequence[bytes]) -> None:
        """Creates the folder and its parents; they may exist already."""
        with self._folder(path):
            pass

    def write(self, path: Sequence[bytes], chunks: Iterable[bytes | memoryview], *, executable: bool) -> None:
        """Writes a new file; raises ``Invalid`` if the name exists already."""
        if not path:
            raise Invalid("contains a file without a name")
        with self._folder(path[:-1]) as parent:
            self._budget.enter()
            self.files += 1
            file = _new_file(path, parent)
        with os.fdopen(file, "wb", buffering=0) as stream:
            _write(stream, self._disk, chunks)
            os.fchmod(stream.fileno(), 0o755 if executable else 0o644)
            self._disk.sync(stream.fileno())

    def settle(self) -> None:
        """Syncs everything to disk: files, then folders, innermost first."""
        self._disk.wait()
        for folder, _, _ in os.walk(self.root, topdown=False, onerror=raised):
            fsync_folder(Path(folder))

    @contextmanager
    def _folder(self, path: Sequence[bytes]) -> Iterator[int]:
        """A descriptor of the folder, created if missing."""
        descriptor = os.open(self.root, FOLDER)
        try:
            for depth in range(len(path)):
                inner = self._open_folder(path[: depth + 1], descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    def _open_folder(self, path: Sequence[bytes], parent: int) -> int:
        try:
            return _opened(path, parent)
        except FileNotFoundError:
            self._budget.enter(FOLDER_SIZE)
            os.mkdir(path[-1], 0o755, dir_fd=parent)
        descriptor = _opened(path, parent)
        os.fchmod(descriptor, 0o755)
        return descriptor


def _opened(path: Sequence[bytes], parent: int) -> int:
    try:
        return os.open(path[-1], FOLDER, dir_fd=parent)
    except NotADirectoryError as error:
        raise _taken(path) from error


def _write(stream: FileIO, disk: Disk, chunks: Iterable[bytes | memoryview]) -> None:
    begun = count = 0
    for chunk in chunks:
        left = memoryview(chunk)
        while left:
            left = left[stream.write(left) :]
        count += len(chunk)
        if count - begun >= SYNC_EVERY:
            begun = count
            disk.sync(stream.fileno())


def raised(error: OSError) -> None:
    """For ``os.walk``, which otherwise skips what cannot be read."""
    raise error


def fsync_folder(folder: Path) -> None:
    """Syncs the folder's entries to disk."""
    descriptor = os.open(folder, FOLDER)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _new_file(path: Sequence[bytes], parent: int) -> int:
    try:
        return os.open(path[-1], NEW_FILE, 0o644, dir_fd=parent)
    except FileExistsError as error:
        raise _taken(path) from error


def _taken(path: Sequence[bytes]) -> Invalid:
    return Invalid(f"contains {os.fsdecode(b'/'.join(path))!a} twice, or both as a file and as a folder")
