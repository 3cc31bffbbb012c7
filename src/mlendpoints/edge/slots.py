"""A bounded number of places, shared fairly: who holds places for long holds up nobody else.

A namespace has at most a part of all places, and those that wait take turns by
namespace.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mlendpoints.edge.turns import Turns


class Slots:
    """``total`` places, at most ``each`` of them for one namespace."""

    def __init__(self, *, total: int, each: int) -> None:
        self._free = total
        self._each = each
        self._taken: Counter[str] = Counter()
        self._waiting: Turns[str, tuple[str, asyncio.Future[None]]] = Turns()

    @asynccontextmanager
    async def one(self, namespace: str) -> AsyncIterator[None]:
        """Holds one place, once there is one."""
        await self._enter(namespace)
        try:
            yield
        finally:
            self._leave(namespace)

    async def _enter(self, namespace: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(namespace, (namespace, turn))
        self._grant()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # its turn had come
                self._leave(namespace)
            raise

    def _leave(self, namespace: str) -> None:
        self._free += 1
        self._taken[namespace] -= 1
        if not self._taken[namespace]:
            del self._taken[namespace]
        self._grant()

    def _grant(self) -> None:
        while self._free and (found := self._waiting.pop(may=lambda namespace: self._taken[namespace] < self._each)):
            namespace, turn = found
            if not turn.done():  # else its task was cancelled
                self._free -= 1
                self._taken[namespace] += 1
                turn.set_result(None)
