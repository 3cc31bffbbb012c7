"""Server-sent events: each tab gets what it shows, then what has changed of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, suppress

import msgspec
from aiohttp import web

from mlendpoints.dashboard.detail import make_detail
from mlendpoints.dashboard.following import Following, changed_rows
from mlendpoints.dashboard.rows import Place, Row
from mlendpoints.dashboard.signals import Signal
from mlendpoints.dashboard.visits import Visits

_SILENCE = 15.0  # seconds after which something is sent, so that a tab that is gone is noticed
_PACE = 0.1  # seconds between two events, so that busy namespaces do not keep tabs busy
MOST = 64  # streams at once

Message = tuple[str, object]  # name and content of an event


class Streams:
    """The streams of all tabs."""

    def __init__(self, following: Following, visits: Visits) -> None:
        self._following = following
        self._visits = visits
        self._open = 0

    async def lists(self, request: web.Request) -> web.StreamResponse:
        """The lists of endpoints and MLModels."""
        return await self._stream(request, self._list_messages(), self._following.changed)

    async def detail(self, request: web.Request) -> web.StreamResponse:
        """One endpoint or MLModel."""
        place = Place(**request.match_info)

        def messages() -> list[Message]:
            obj = self._following.find(place)
            if obj is not None:
                return [("detail", make_detail(obj, visit.known))]
            return [("detail", None)] if place.kind in self._following.listed else []

        async with self._visits.visiting(place) as visit:
            return await self._stream(request, messages, self._following.changed, visit.changed)

    def _list_messages(self) -> Callable[[], list[Message]]:
        shown: dict[str, Row] = {}
        told: list[str] | None = None  # lists that the tab knows to be complete; None: it knows nothing yet

        def messages() -> list[Message]:
            nonlocal told
            rows, gone = changed_rows(shown, self._following.rows)
            complete = sorted(self._following.listed)
            if not rows and not gone and told == complete:
                return []
            content = {"first": told is None, "rows": rows, "gone": gone, "complete": complete}
            shown.update((row.id, row) for row in rows)
            for key in gone:
                del shown[key]
            told = complete
            return [("rows", content)]

        return messages

    async def _stream(
        self, request: web.Request, messages: Callable[[], list[Message]], *signals: Signal
    ) -> web.StreamResponse:
        if self._open >= MOST:
            return web.Response(status=503, text="Too many tabs are open.")
        self._open += 1
        try:
            return await _send(request, self._with_health(messages), signals)
        finally:
            self._open -= 1

    def _with_health(self, messages: Callable[[], list[Message]]) -> Callable[[], list[Message]]:
        return lambda: [("place", self._following.scope), ("health", self._following.health), *messages()]


async def _send(
    request: web.Request, messages: Callable[[], list[Message]], signals: tuple[Signal, ...]
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    with suppress(ConnectionError):
        async for content in _events(messages, signals):
            await response.write(content)
    return response


async def _events(messages: Callable[[], list[Message]], signals: tuple[Signal, ...]) -> AsyncIterator[bytes]:
    """What to send, whenever there is something new."""
    listener = asyncio.Event()
    sent: dict[str, bytes] = {}
    with ExitStack() as stack:
        for signal in signals:
            stack.enter_context(signal.wakes(listener))
        while True:
            listener.clear()
            new = [(name, msgspec.json.encode(content)) for name, content in messages()]
            yield b"".join(_event(name, data) for name, data in new if sent.get(name) != data) or b":\n\n"
            sent.update(new)
            await asyncio.sleep(_PACE)
            with suppress(TimeoutError):
                await asyncio.wait_for(listener.wait(), _SILENCE)


def _event(name: str, data: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)
