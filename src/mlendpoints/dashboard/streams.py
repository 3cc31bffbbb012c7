"""Server-sent events: each tab gets what it shows, then what has changed of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, suppress

import msgspec
from aiohttp import web

from mlendpoints.dashboard.following import Following, changed_rows
from mlendpoints.dashboard.rows import Row
from mlendpoints.dashboard.signals import Signal

_SILENCE = 15.0  # seconds after which something is sent, so that a tab that is gone is noticed
_PACE = 0.1  # seconds between two events, so that busy namespaces do not keep tabs busy
MOST = 64  # streams at once

Message = tuple[str, object]  # name and content of an event


class Streams:
    """The streams of all tabs."""

    def __init__(self, following: Following) -> None:
        self._following = following
        self._open = 0

    async def lists(self, request: web.Request) -> web.StreamResponse:
        """The lists of endpoints and MLModels."""
        return await self._stream(request, self._list_messages(), self._following.changed)

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
