"""Expectations (read-your-writes): a key is not planned again while the cache is older than its last writes (stale).

The API server's resourceVersions of one kind are ordered (KEP-5504), and a
watch delivers them in order: once a watch has reached the version of a write,
the cache contains that write and all before it.
"""

from collections.abc import Callable

from msgspec import Struct

from mlendpoints.core.world import Child, Ref
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.observe.progress import Progress
from mlendpoints.edge.observe.projections import Entry, Instance, Volume

TIMEOUT = 300.0  # seconds, as client-go's ControllerExpectations; expires only after a restore of etcd from a backup


class _Write(Struct, frozen=True):
    ref: Ref
    version: int  # resourceVersion of the written object; 0: it was deleted
    uid: str
    deadline: float
    is_gone: bool = False  # whether nothing, such as a finalizer, keeps the deleted object


class Expectations:
    """The writes of each key that the cache has not observed yet."""

    def __init__(self, *, cache: Cache, progress: Progress, clock: Callable[[], float]) -> None:
        self._cache = cache
        self._progress = progress
        self._clock = clock
        self._writes: dict[Ref, list[_Write]] = {}

    def expect(self, key: Ref, ref: Ref, *, uid: str, resource_version: str = "") -> None:
        """``key`` waits until the cache has this version of ``ref``; without one, until ``uid`` is gone or deleting."""
        version = int(resource_version) if resource_version else 0
        write = _Write(ref, version, uid, self._clock() + TIMEOUT)
        self._writes.setdefault(key, []).append(write)

    def expect_gone(self, key: Ref, ref: Ref, *, uid: str) -> None:
        """``key`` waits until the cache no longer has this object, which a write has removed."""
        write = _Write(ref, 0, uid, self._clock() + TIMEOUT, is_gone=True)
        self._writes.setdefault(key, []).append(write)

    def are_met(self, key: Ref) -> bool:
        """Whether all writes of ``key`` are observed; those that are, are forgotten."""
        rest = [write for write in self._writes.pop(key, ()) if not self._is_met(write)]
        if rest:
            self._writes[key] = rest
        return not rest

    def forget(self, key: Ref) -> None:
        """Forgets the writes of a key whose object is deleted."""
        self._writes.pop(key, None)

    def _is_met(self, write: _Write) -> bool:
        if self._clock() > write.deadline:
            return True
        if write.version:
            return self._progress.has_seen(write.ref, write.version)
        entry = self._cache.entry(write.ref)
        if entry is None or entry.uid != write.uid:
            return True
        return not write.is_gone and _is_going(entry)


def _is_going(entry: Entry) -> bool:
    match entry.facts:
        case Instance(child=child) | Volume(child=child) | (Child() as child):
            return child.deleting
        case _:
            return False
