"""pvc://CLAIM/PATH: files on a mounted claim. Links are never followed, and files appear by a rename."""

import errno
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from shipper.failures import Undelivered
from shipper.sinks.content import Content

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
DRAFT = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
CLAIM = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
REASONS = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EFBIG: "too_large",
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.EROFS: "denied",
    errno.ENOENT: "not_found",
}


class ClaimSink:
    """A folder of the claim, which is mounted at ``root``."""

    def __init__(self, url: str, root: Path) -> None:
        parts = urlsplit(url)
        self._root = root
        self._inner = [part for part in unquote(parts.path).split("/") if part not in {"", "."}]
        if not CLAIM.fullmatch(parts.netloc) or parts.query or parts.fragment or ".." in self._inner:
            raise Undelivered("invalid")

    def put(self, key: str, content: Content) -> None:
        """See ``Sink``."""
        *folders, name = [*self._inner, *key.split("/")]
        try:
            with _made(self._root, folders) as folder:
                draft = f".{name}.draft"
                _write(os.open(draft, DRAFT, 0o664, dir_fd=folder), content.pieces())
                os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
                os.fsync(folder)
        except OSError as error:
            raise Undelivered(
                REASONS.get(error.errno or 0, "failed"), code=errno.errorcode.get(error.errno or 0, "")
            ) from error

    def close(self) -> None:
        """Nothing is open between objects."""


def _write(descriptor: int, pieces: Iterator[bytes]) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(pieces)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _made(root: Path, folders: Sequence[str]) -> Iterator[int]:
    """A descriptor of the folder, which is created if it does not exist, for other pods' shippers to write to."""
    descriptor = os.open(root, FOLDER)
    try:
        for name in folders:
            inner = _entered(name, descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _entered(name: str, parent: int) -> int:
    try:
        return os.open(name, FOLDER, dir_fd=parent)
    except FileNotFoundError:
        with suppress(FileExistsError):
            os.mkdir(name, 0o775, dir_fd=parent)
        return os.open(name, FOLDER, dir_fd=parent)
