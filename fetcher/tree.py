"""Writes below one folder and nowhere else.

Every component is opened from its parent's descriptor with ``O_NOFOLLOW``, so that
no link, however it came there, is ever passed through. It must not decide what is
written.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fetcher.failures import Invalid

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Tree:
    """A folder to fill; modes are such that any user may read, whatever the umask."""

    root: Path

    def make_folder(self, path: Sequence[bytes]) -> None:
        """Makes the folder and its parents; one that is there already is fine."""
        with self._folder(path):
            pass

    def write(self, path: Sequence[bytes], chunks: Iterable[bytes], *, executable: bool) -> None:
        """Writes a new file, down to the disk; raises ``Invalid`` where the name is taken."""
        if not path:
            raise Invalid("holds a file without a name")
        with self._folder(path[:-1]) as parent:
            file = _new_file(path, parent)
            with os.fdopen(file, "wb") as stream:
                stream.writelines(chunks)
                os.fchmod(stream.fileno(), 0o755 if executable else 0o644)
                stream.flush()
                os.fsync(stream.fileno())

    def settle(self) -> None:
        """Brings all folders down to the disk, the innermost first."""
        for folder, _, _ in os.walk(self.root, topdown=False):
            fsync_folder(Path(folder))

    @contextmanager
    def _folder(self, path: Sequence[bytes]) -> Iterator[int]:
        """A descriptor of the folder, made where it is missing."""
        descriptor = os.open(self.root, FOLDER)
        try:
            for depth in range(len(path)):
                inner = _open_folder(path[: depth + 1], descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)


def fsync_folder(folder: Path) -> None:
    """Brings the folder's own entries down to the disk."""
    descriptor = os.open(folder, FOLDER)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_folder(path: Sequence[bytes], parent: int) -> int:
    try:
        os.mkdir(path[-1], 0o755, dir_fd=parent)
    except FileExistsError:
        made = False
    else:
        made = True
    try:
        descriptor = os.open(path[-1], FOLDER, dir_fd=parent)
    except NotADirectoryError as error:
        raise _taken(path) from error
    if made:
        os.fchmod(descriptor, 0o755)
    return descriptor


def _new_file(path: Sequence[bytes], parent: int) -> int:
    try:
        return os.open(path[-1], NEW_FILE, 0o644, dir_fd=parent)
    except FileExistsError as error:
        raise _taken(path) from error


def _taken(path: Sequence[bytes]) -> Invalid:
    return Invalid(f"holds {os.fsdecode(b'/'.join(path))!a} twice, or as a file and as a folder")
