"""pvc://CLAIM/PATH: files and folders of a mounted PersistentVolumeClaim. Links are never followed."""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

from fetcher.archives.names import split
from fetcher.artifact import Opened, Parts
from fetcher.failures import Changed, Invalid, NotFound, TooLarge
from fetcher.settings import Settings
from outbound.failures import RequestFailed, shown

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
CLAIM = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
UNREADABLE = b"lost+found"


class FilePart:
    """A regular file below a folder."""

    def __init__(self, root: str, inner: tuple[bytes, ...], path: bytes) -> None:
        self._root = root
        self._inner = inner
        self.path = path
        with self._opened() as file:
            found = os.fstat(file)
        self.size = found.st_size
        self.validator = _validator(found)

    def fill(self, start: int, buffer: memoryview) -> None:
        """See ``Part``."""
        with self._opened() as file:
            while buffer:
                count = os.preadv(file, [buffer], start)
                if not count:
                    raise Changed("the file was truncated while it was read")
                start, buffer = start + count, buffer[count:]
            if _validator(os.fstat(file)) != self.validator:
                raise Changed("the file changed while it was read")

    @contextmanager
    def _opened(self) -> Iterator[int]:
        with _beneath(self._root, self._inner) as file:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise Invalid(f"contains {shown(self.path)}, which is neither file nor folder")
            yield file


def open_pvc(settings: Settings) -> Opened:
    """Raises ``RequestFailed``, ``Invalid`` or ``TooLarge``."""
    parts = urlsplit(settings.artifact)
    claim, path = parts.netloc, split(unquote(parts.path).lstrip("/").encode())
    if not CLAIM.fullmatch(claim) or parts.query or parts.fragment:
        raise RequestFailed("expected pvc://CLAIM/PATH")
    root = str(settings.claims / claim)
    try:
        with _beneath(root, path) as found:
            if not stat.S_ISDIR(os.fstat(found).st_mode):
                return Parts([FilePart(root, path, path[-1])])
            names = sorted(_files(found, settings.limit_entries))
    except FileNotFoundError as error:
        raise NotFound("the claim has no such path") from error
    return Parts([FilePart(root, (*path, *name.split(b"/")), name) for name in names], is_folder=True)


def _files(folder: int, limit: int) -> Iterator[bytes]:
    """Paths of all files in the folder, relative to it."""
    for count, (path, mode) in enumerate(_walk(folder, b"")):
        if count >= limit:
            raise TooLarge(f"contains more than the {limit} entries allowed")
        if stat.S_ISLNK(mode):
            raise Invalid(f"contains a symbolic link, {shown(path)}; only regular files and folders are supported")
        if not stat.S_ISDIR(mode):
            yield path


def _walk(folder: int, inner: bytes) -> Iterator[tuple[bytes, int]]:
    """Path and mode of everything below. Unlike ``os.walk``, it fails on a folder that cannot be read."""
    with _readable(inner), os.scandir(folder) as entries:
        for entry in entries:
            path = b"/".join(filter(None, (inner, os.fsencode(entry.name))))
            mode = entry.stat(follow_symlinks=False).st_mode
            if path == UNREADABLE and stat.S_ISDIR(mode):
                continue
            split(path)
            yield path, mode
            if stat.S_ISDIR(mode):
                yield from _walk_below(folder, path)


def _walk_below(parent: int, path: bytes) -> Iterator[tuple[bytes, int]]:
    with _readable(path):
        folder = os.open(path.rpartition(b"/")[2], FOLDER, dir_fd=parent)
    try:
        yield from _walk(folder, path)
    finally:
        os.close(folder)


@contextmanager
def _readable(path: bytes) -> Iterator[None]:
    """An unreadable folder may contain half of the model, so it is an error."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Changed("the folder changed while it was listed") from error
    except OSError as error:
        raise RequestFailed(
            f"{shown(path)} cannot be read ({error.strerror}); make it readable for user 1000, group 1000 or everyone"
        ) from error


@contextmanager
def _beneath(root: str, path: Sequence[bytes]) -> Iterator[int]:
    """A descriptor of the path, opened without following links."""
    descriptor = os.open(root, FOLDER)
    try:
        for depth, name in enumerate(path):
            last = depth == len(path) - 1
            inner = _open(name, descriptor, last=last)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _open(name: bytes, parent: int, *, last: bool) -> int:
    try:
        return os.open(name, FILE if last else FOLDER, dir_fd=parent)
    except OSError as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise
        raise Invalid(f"leads through {shown(name)}, which is a link or not a folder") from error


def _validator(found: os.stat_result) -> str:
    return f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"
