"""One command at a time: locks that die with their holder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.settings import Settings


@contextmanager
def cluster_lock(settings: Settings) -> Iterator[None]:
    """Held while one state folder is changed. Kept in the cache, because `down` removes the state folder."""
    with _locked(settings.cache / "locks" / settings.name):
        yield


@contextmanager
def build_lock(settings: Settings) -> Iterator[None]:
    """Held while something is built into the cache, which several clusters share."""
    with _locked(settings.cache / "locks" / "build"):
        yield


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
