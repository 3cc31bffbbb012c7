"""What may happen to a watch on its way: an event lost, repeated, overtaken; an end with 410; silence.

Each strikes once, at the first event that it is told to strike at.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import msgspec
from msgspec.structs import replace

from tests.apiserver.faults.messages import Answer, Request, make_status
from tests.apiserver.faults.proxy import Fault, Forward

Object = dict[str, Any]
Moment = Callable[[str, Object], bool]  # an event's type and object
Strike = Callable[[bytes, AsyncIterator[bytes]], AsyncIterator[bytes]]  # the event and those after it

MOMENT = 1.0  # seconds


class Struck(Fault):
    """Lets everything pass until one event of one kind; ``strike`` says what comes in its place and after it."""

    def __init__(self, strike: Strike, plural: str, moment: Moment) -> None:
        self._strike = strike
        self._plural = plural
        self._moment = moment
        self.has_struck = False

    def patience(self, plural: str) -> float | None:
        is_needed = self._strike is silent and not self.has_struck and plural == self._plural
        return MOMENT if is_needed else None

    async def answer(self, request: Request, forward: Forward) -> Answer:
        answer = await forward(request)
        if request.plural != self._plural or answer.lines is None:
            return answer
        return replace(answer, lines=self._bent(answer.lines))

    async def _bent(self, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for line in lines:
            if not self._is_the_moment(line):
                yield line
                continue
            self.has_struck = True
            async for other in self._strike(line, lines):
                yield other
            return

    def _is_the_moment(self, line: bytes) -> bool:
        if self.has_struck or not self.armed:
            return False
        event = msgspec.json.decode(line)
        return event["type"] in ("ADDED", "MODIFIED", "DELETED") and self._moment(event["type"], event["object"])


async def dropped(line: bytes, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The event never arrives, and a bookmark says that nothing is missing; a moment later the watch ends as usual."""
    version = msgspec.json.decode(line)["object"]["metadata"]["resourceVersion"]
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version}}}
    yield msgspec.json.encode(bookmark) + b"\n"
    clock = asyncio.get_running_loop().time
    end = clock() + MOMENT
    with suppress(TimeoutError, StopAsyncIteration):
        while True:
            yield await asyncio.wait_for(anext(lines), end - clock())


async def duplicated(line: bytes, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The event arrives twice."""
    yield line
    yield line
    async for other in lines:
        yield other


async def overtaken(line: bytes, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The next event arrives first."""
    yield await anext(lines)
    yield line
    async for other in lines:
        yield other


async def expired(_line: bytes, _lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """In place of the event the watch is told 410 Gone."""
    yield msgspec.json.encode({"type": "ERROR", "object": make_status(410, "Expired")}) + b"\n"


async def broken(line: bytes, _lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The connection breaks in the middle of the event."""
    yield line[: len(line) // 2]
    raise ConnectionResetError


async def silent(_line: bytes, _lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """From here on no byte arrives, and the connection stays open."""
    await asyncio.Event().wait()
    yield b""


STRIKES: tuple[Strike, ...] = (dropped, duplicated, overtaken, expired, broken, silent)
