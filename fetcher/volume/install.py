"""Installs an artifact on a volume, atomically and once, however many processes try concurrently.

    VOLUME/.lock          held during an installation; released if its holder dies
    VOLUME/.staging-*     hidden until complete
    VOLUME/model          appears by a rename
    VOLUME/.complete      written last: what `model` contains
    VOLUME/.partial       cached partial download; see ``partial``

``model`` counts as complete only with a matching ``.complete``. It must not know how
bytes are downloaded or unpacked.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fetcher.settings import Settings
from fetcher.volume.partial import remove_partial
from fetcher.volume.tree import fsync_folder, raised
from outbound import log

MARKER = ".complete"


def install(settings: Settings, fill: Callable[[Path], str]) -> bool:
    """Lets ``fill`` fill a hidden folder, then renames it to ``model``; False if it is installed already.

    ``fill`` returns the digest of the artifact; if it raises, nothing changes.
    """
    with _lock(settings.volume):
        if is_complete(settings):
            remove_partial(settings.volume)
            return False
        _sweep(settings.volume)
        with _staging(settings.volume) as staging:
            digest = fill(staging)
            _swap(staging, settings)
        _mark(settings, digest)
        remove_partial(settings.volume)
        return True


@contextmanager
def _lock(volume: Path) -> Iterator[None]:
    """Waits until no other process holds the lock of the volume."""
    descriptor = _open_lock(volume / ".lock")
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("Another download is in progress; waiting for it", volume=str(volume))
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _open_lock(path: Path) -> int:
    """A lock file of another user (an earlier version's) may be read-only, which is enough for a lock."""
    flags = os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags | os.O_RDWR, 0o666)
    except PermissionError:
        return os.open(path, flags | os.O_RDONLY)


def is_complete(settings: Settings) -> bool:
    """Whether `model` is the requested artifact, unmodified."""
    try:
        marker = json.loads((settings.volume / MARKER).read_text())
        same = marker["digest"] == settings.digest if settings.digest else marker["url"] == _url_digest(settings)
        return same and settings.model.is_dir() and marker.get("inventory") == _inventory(settings.model)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _inventory(model: Path) -> str:
    """Differs if a file was added, removed, truncated or written to; reads no contents."""
    facts = hashlib.sha256()
    for folder, folders, files in os.walk(model, onerror=raised):
        folders.sort()
        for name in sorted(files):
            path = Path(folder, name)
            found = path.lstat()
            facts.update(repr((str(path.relative_to(model)), found.st_size, int(found.st_mtime))).encode())
    return facts.hexdigest()


def _url_digest(settings: Settings) -> str:
    """The URL may contain credentials, so the marker stores its hash only."""
    return hashlib.sha256(settings.artifact.encode()).hexdigest()


def _sweep(volume: Path) -> None:
    """Removes leftovers of killed runs; safe under the lock. Leftovers of another user may have to stay."""
    for pattern in (".staging-*", ".old-*", f"{MARKER}.*"):
        for left in volume.glob(pattern):
            with suppress(PermissionError):
                shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()


@contextmanager
def _staging(volume: Path) -> Iterator[Path]:
    staging = Path(tempfile.mkdtemp(prefix=".staging-", dir=volume))
    staging.chmod(0o755)
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _swap(staging: Path, settings: Settings) -> None:
    """Moves an older model away first; without its marker it does not count, whenever this is interrupted."""
    (settings.volume / MARKER).unlink(missing_ok=True)
    old = staging.with_name(staging.name.replace("staging", "old"))
    if settings.model.exists():
        settings.model.rename(old)
    staging.rename(settings.model)
    fsync_folder(settings.volume)
    shutil.rmtree(old, ignore_errors=True)


def _mark(settings: Settings, digest: str) -> None:
    draft = settings.volume / f"{MARKER}.draft"
    with draft.open("w") as file:
        said = {"digest": digest, "url": _url_digest(settings), "inventory": _inventory(settings.model)}
        json.dump(said, file)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(settings.volume / MARKER)
    fsync_folder(settings.volume)
