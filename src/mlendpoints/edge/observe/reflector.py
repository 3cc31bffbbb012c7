"""Reflector (as in client-go): keeps one kind in the cache up to date by list and watch.

Resumes a watch from the last resourceVersion (of an event or a bookmark) when it
ends, breaks or is silent; relists after 410 Gone (resourceVersion too old), and
when events are out of order. Retries with exponential back-off and jitter. A lost
event cannot be noticed, so it also relists every hour. Passes on only complete
lists, from which deletions follow. Objects that cannot be decoded are skipped.

::

    list ──pages──> replace ──synced──> watch ──ended, broken, silent──> resume
      ^                                   │
      └── 410 Gone, wrong order, an hour ───┘
"""

import asyncio
import random
from collections.abc import Iterator
from contextlib import aclosing

import msgspec
import structlog
from msgspec import Struct

from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.decoding import UNREADABLE, read
from mlendpoints.edge.kube.errors import ApiError, GoneError, NotFoundError, UnavailableError
from mlendpoints.edge.kube.kinds import Watch
from mlendpoints.edge.kube.responses import WatchEvent
from mlendpoints.edge.observe.feed import Feed
from mlendpoints.edge.observe.projections import Entry, decode

log = structlog.get_logger()


class Timeouts(Struct, frozen=True, kw_only=True):
    """Timeouts and retries of a reflector, in seconds."""

    silence: float = 90.0  # without a byte until a watch counts as broken; bookmarks arrive once a minute
    least_watch: int = 300  # as client-go: 5 to 10 minutes, so that not all watches end at once
    relist_after: float = 3600.0  # since the last list; checked when a watch ends
    first_retry: float = 0.2
    last_retry: float = 30.0
    absent_retry: float = 30.0  # between two requests for an optional kind that is not installed
    short_watch: float = 1.0  # as client-go: a watch that ends sooner, without an event, has failed


class Reflector:
    """Lists and watches one kind, and passes changes to a feed."""

    def __init__(self, *, api: Api, watch: Watch, feed: Feed, timeouts: Timeouts | None = None) -> None:
        self._api = api
        self._watch = watch
        self._feed = feed
        self._timeouts = timeouts or Timeouts()
        self._since = ""
        self._listed = 0.0  # by the event loop's clock
        self._failures = 0
        self._is_absent = False
        self._log = log.bind(kind=watch.kind.name, namespace=watch.namespace)

    async def run(self) -> None:
        """Lists and watches until it is cancelled."""
        while True:
            try:
                if not self._since:
                    await self._list()
                await self._follow()
                self._failures = 0
                if _now() >= self._listed + self._timeouts.relist_after:
                    self._since = ""
            except GoneError as error:
                self._since = ""
                self._log.info("Watch can no longer be resumed; relisting", error=str(error))
                await self._back_off()
            except ApiError as error:
                await self._fail(error)

    async def _fail(self, error: ApiError) -> None:
        if self._watch.optional and isinstance(error, NotFoundError):
            await self._forget_kind()
        else:
            self._log_error(error)
            if self._watch.optional:
                self._feed.settle(self._watch)
            await self._back_off()

    async def _forget_kind(self) -> None:
        """The kind is not, or no longer, installed: forgets its objects and retries later."""
        self._since = ""
        if not self._is_absent:
            self._log.info("Optional kind is not installed; looking for it again", seconds=self._timeouts.absent_retry)
            self._feed.forget(self._watch)
        self._is_absent = True
        await asyncio.sleep(_jittered(self._timeouts.absent_retry))

    async def _list(self) -> None:
        entries: dict[Ref, Entry | None] = {}
        version, self._listed = "", _now()
        async for page in self._api.pages(self._watch):
            entries.update(found for raw in page.items for found in self._decode(raw))
            version = page.metadata.resource_version
        await self._feed.replace(self._watch, entries, version)
        self._since = version
        self._failures, self._is_absent = 0, False

    async def _follow(self) -> None:
        begun, events = _now(), 0
        seconds = self._timeouts.least_watch + random.randrange(self._timeouts.least_watch)  # noqa: S311 - spreads load
        watching = self._api.watch(self._watch, since=self._since, seconds=seconds, silence=self._timeouts.silence)
        async with aclosing(watching) as stream:
            async for event in stream:
                self._handle(event)
                self._failures, events = 0, events + 1
        if not events and _now() < begun + self._timeouts.short_watch:
            raise UnavailableError("Very short watch: ended without an event")

    def _handle(self, event: WatchEvent) -> None:
        version = self._version(event.object)
        if version < int(self._since):
            raise GoneError(f"Out of order: version {version} after {self._since}")
        if event.type != "BOOKMARK":
            for ref, entry in self._decode(event.object):
                self._feed.change(ref, entry, deleted=event.type == "DELETED")
        self._feed.advance(self._watch, str(version))
        self._since = str(version)

    def _version(self, raw: msgspec.Raw) -> int:
        """The event's resourceVersion, by which events are ordered; without one, the watch cannot be resumed."""
        try:
            return int(read(raw, _Bookmark).metadata.resource_version)
        except (*UNREADABLE, ValueError) as error:
            self._feed.skip(self._watch.kind.name, error)
            raise GoneError(f"An event has no version: {error}") from error

    def _decode(self, raw: bytes) -> Iterator[tuple[Ref, Entry | None]]:
        """The entry; None for an object that cannot be decoded but has a name: its last known state is kept."""
        kind = self._watch.kind.name
        try:
            entry = decode(kind, raw)
        except Exception as error:  # noqa: BLE001 - no object may end the watch of all others
            ref = _name(kind, raw)
            self._feed.skip(kind, error, ref)
            if ref is not None:
                yield ref, None
        else:
            yield entry.ref, entry

    def _log_error(self, error: ApiError) -> None:
        if isinstance(error, NotFoundError):
            self._log.error(
                "API server does not serve this kind; retrying",
                api_version=self._watch.kind.api_version,
                hint="Install its CustomResourceDefinitions (Istio's, or mlendpoints')",
            )
            return
        self._log.warning("Failed to list or watch; retrying", error=str(error))

    async def _back_off(self) -> None:
        longest = min(self._timeouts.last_retry, self._timeouts.first_retry * 2.0 ** min(self._failures, 30))
        self._failures += 1
        await asyncio.sleep(_jittered(longest))


def _jittered(longest: float) -> float:
    return longest * (0.5 + random.random() / 2)  # noqa: S311 - spreads load


def _now() -> float:
    return asyncio.get_running_loop().time()


def _name(kind: str, raw: bytes) -> Ref | None:
    try:
        metadata = read(raw, _Named).metadata
    except UNREADABLE:
        return None
    return Ref(kind, metadata.namespace, metadata.name)


class _Name(Struct, frozen=True):
    name: str
    namespace: str = ""


class _Named(Struct, frozen=True):
    metadata: _Name


class _Version(Struct, frozen=True, rename="camel"):
    resource_version: str


class _Bookmark(Struct, frozen=True):
    metadata: _Version
