"""Event handlers of the reflectors: update the cache and enqueue the keys that a change affects.

An object that cannot be decoded is skipped: logged, counted, and its last known
state is kept. Whatever one tenant writes, the objects of others stay observed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Protocol, TypeVar

import structlog
from msgspec import Struct

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.kinds import Watch
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.observe.owners import keys_for
from mlendpoints.edge.observe.progress import Progress
from mlendpoints.edge.observe.projections import Entry
from mlendpoints.edge.observe.slices import GatewayBackends, GatewayPorts

BATCH_PERIOD = 0.125  # seconds for which changes of a template's users are batched
_STEP = 100  # objects that are compared or stored without a break
_MESSAGE = 500  # characters of an error that quotes what a tenant wrote

UserObject = Endpoint | MLModel | EndpointConfig | Model  # written by users

T = TypeVar("T")

log = structlog.get_logger()


def _ignore(_kind: str) -> None:
    """Counts nothing."""


def _do_nothing() -> None:
    """Notifies of nothing."""


class Keys(Protocol):
    """The work queue: keys to be reconciled."""

    @property
    def active(self) -> frozenset[Ref]:
        """The keys that are being reconciled."""

    def add(self, key: Ref, *, edited: bool = False) -> None:
        """Enqueues a key; ``edited``: a user waits for it."""

    def add_after(self, key: Ref, delay: float) -> None:
        """Enqueues a key in ``delay`` seconds."""


class Callbacks(Struct, frozen=True, kw_only=True):
    """Callbacks to the rest of the engine."""

    probing: Callable[[], Iterable[Ref]] = tuple  # keys that probe gateway pods
    count_skipped: Callable[[str], None] = _ignore  # counts a skipped object by kind
    advanced: Callable[[], None] = _do_nothing  # called when a watch has advanced


class Feed:
    """Receives lists and changes from reflectors."""

    def __init__(
        self,
        *,
        cache: Cache,
        queue: Keys,
        progress: Progress,
        watches: tuple[Watch, ...],
        callbacks: Callbacks = Callbacks(),  # noqa: B008 - a frozen value
    ) -> None:
        self._callbacks = callbacks
        self._cache = cache
        self._queue = queue
        self._progress = progress
        self._unsynced = set(watches)
        self.synced = asyncio.Event()

    @property
    def unsynced(self) -> list[str]:
        """Descriptions of the watches that have not synced yet."""
        return sorted({f"{watch.kind.plural} {watch.namespace}".strip() for watch in self._unsynced})

    async def replace(self, watch: Watch, entries: Mapping[Ref, Entry | None], version: str) -> None:
        """Handles a list: others were deleted; those that could not be decoded keep their last known state.

        Yields to the event loop while it looks for what has changed, then applies all changes at once: no reconcile
        sees half a list. Before the caches have synced nothing is reconciled, and it yields all the time.
        """
        changed = [(ref, entry) async for ref, entry in _in_steps(entries.items()) if self._cache.entry(ref) != entry]
        for ref in self._cache.refs(watch):
            if ref not in entries:
                self.change(ref, None, deleted=True)
        async for ref, entry in _in_steps(changed, most=len(changed) if self.synced.is_set() else _STEP):
            self.change(ref, entry)
        self.advance(watch, version)
        if watch.optional:
            self._note_installed(self._cache.installed | {watch.kind.name})
        self.settle(watch)

    def settle(self, watch: Watch) -> None:
        """No longer waits for a watch: it has synced, or it is an optional one whose list has failed."""
        self._unsynced.discard(watch)
        if not self._unsynced:
            self.synced.set()

    def forget(self, watch: Watch) -> None:
        """Forgets the objects of an optional kind that is not, or no longer, installed."""
        for ref in self._cache.refs(watch):
            self.change(ref, None, deleted=True)
        self._progress.forget(watch.kind.name, watch.namespace)
        self._note_installed(self._cache.installed - {watch.kind.name})
        self.settle(watch)
        self._callbacks.advanced()

    def _note_installed(self, kinds_now: frozenset[str]) -> None:
        """The desired children may depend on it: all endpoints and MLModels are requeued."""
        if kinds_now != self._cache.installed:
            self._cache.installed = kinds_now
            for root in self._cache.roots():
                self._queue.add(root)

    def change(self, ref: Ref, entry: Entry | None, *, deleted: bool = False) -> None:
        """Handles an object that was added, modified or deleted."""
        try:
            if deleted:
                self._forget(ref)
            elif entry is not None:
                self._keep(entry)
        except Exception as error:
            self.skip(ref.kind, error, ref)
            log.exception("Unexpected error while processing an object; keeping its last known state", kind=ref.kind)

    def skip(self, kind: str, error: Exception, ref: Ref | None = None) -> None:
        """Reports an object that could not be decoded."""
        self._callbacks.count_skipped(kind)
        named = {"namespace": ref.namespace, "name": ref.name} if ref else {}
        log.warning(
            "Failed to decode object; keeping its last known state",
            kind=kind,
            **named,
            error=f"{type(error).__name__}: {error}"[:_MESSAGE],
        )

    def advance(self, watch: Watch, version: str) -> None:
        """Records the resourceVersion that a watch has reached."""
        self._progress.advance(watch.kind.name, watch.namespace, version)
        self._callbacks.advanced()

    def _keep(self, entry: Entry) -> None:
        before = self._cache.entry(entry.ref)
        if before == entry:  # most objects are unchanged after a relist
            return
        if before is not None and _is_same_template(before, entry):
            self._cache.put(entry)
            self._queue.add_after(entry.ref, BATCH_PERIOD)
            return
        keys = self._keys(before) if before else set()
        keys |= self._cache.put(entry)
        self._enqueue(keys | self._keys(entry), changed=entry.ref, edited=_is_edited(before, entry))

    def _forget(self, ref: Ref) -> None:
        entry = self._cache.entry(ref)
        if entry is None:
            return
        keys = self._keys(entry)
        self._enqueue(keys | self._cache.drop(ref), changed=ref)

    def _keys(self, entry: Entry) -> set[Ref]:
        """A change of gateway pods affects keys that probe them; active keys may be about to."""
        if isinstance(entry.facts, GatewayPorts | GatewayBackends):
            return {*self._callbacks.probing(), *self._queue.active}
        return keys_for(self._cache, entry)

    def _enqueue(self, keys: set[Ref], *, changed: Ref, edited: bool = False) -> None:
        for key in keys:
            if key == changed or key.kind in kinds.ROOTS:
                self._queue.add(key, edited=edited)
            else:
                self._queue.add_after(key, BATCH_PERIOD)


async def _in_steps(items: Iterable[T], *, most: int = _STEP) -> AsyncIterator[T]:
    """All items; others run after each ``most`` of them."""
    for number, item in enumerate(items, start=1):
        yield item
        if number % most == 0:
            await asyncio.sleep(0)


def _is_edited(before: Entry | None, after: Entry) -> bool:
    """Whether a user has changed the spec, and waits for the result."""
    return isinstance(after.facts, UserObject) and (before is None or _requested(before) != _requested(after))


def _requested(entry: Entry) -> tuple[str, int]:
    return entry.uid, entry.facts.metadata.generation if isinstance(entry.facts, UserObject) else 0


def _is_same_template(before: Entry, after: Entry) -> bool:
    """Whether a template differs in its status only, which affects no other key."""
    match before.facts, after.facts:
        case (EndpointConfig() | Model()) as old, (EndpointConfig() | Model()) as new:
            return (old.metadata.uid, old.spec) == (new.metadata.uid, new.spec)
        case _:
            return False
