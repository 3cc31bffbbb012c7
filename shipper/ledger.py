"""The ledger: the account in a file beside the spool's, replaced atomically. nginx reads it for the pod's metrics.

A reserve of disk space is kept with it. On a full volume it is released, so that a
delivery can be recorded; then its file is deleted, which makes room again.
"""

import contextlib
import errno
import os
from pathlib import Path

NAME = ".ledger.json"
DRAFT = ".ledger.tmp"
RESERVE = ".ledger.reserve"
RESERVED = 16 * 1024
"""Bytes; a ledger takes at most half of them."""
LARGEST = 64 * 1024
FULL = {errno.ENOSPC, errno.EDQUOT}
WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


class Ledger:
    """Read once at the start, then written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self) -> bytes | None:
        """Its text; None if there is none."""
        try:
            descriptor = os.open(self._folder / NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            return file.read(LARGEST)

    def save(self, text: bytes, *, durably: bool) -> None:
        """Raises ``OSError``; ``durably``: before anything that relies on it, even across a crash of the node."""
        try:
            self._replace(text, durably=durably)
        except OSError as error:
            if error.errno not in FULL:
                raise
            (self._folder / RESERVE).unlink(missing_ok=True)
            self._replace(text, durably=durably)

    def reserve(self) -> None:
        """Allocates the reserve, where there is room."""
        path = self._folder / RESERVE
        with contextlib.suppress(OSError):
            if not path.exists():
                self._write(path, os.urandom(RESERVED), durably=False)

    def _replace(self, text: bytes, *, durably: bool) -> None:
        draft = self._folder / DRAFT
        self._write(draft, text, durably=durably)
        draft.replace(self._folder / NAME)
        if durably:
            _sync_folder(self._folder)

    def _write(self, path: Path, text: bytes, *, durably: bool) -> None:
        with os.fdopen(os.open(path, WRITE, 0o644), "wb", buffering=0) as file:
            left = memoryview(text)
            while left:
                left = left[file.write(left) :]
            if durably:
                os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
