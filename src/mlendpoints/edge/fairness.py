"""Fairness among namespaces: whoever brings a thousand items, or holds places for long, holds up nobody else.

``Turns`` is round robin among groups, first come first served within each: pure
bookkeeping, with no clock and no tasks. ``Slots`` is a bounded number of places,
of which a namespace has at most a part; those that wait take turns.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

G = TypeVar("G", bound=Hashable)
T = TypeVar("T")


def _anyone(_group: object) -> bool:
    return True


class Turns(Generic[G, T]):
    """Items that wait, one line for each group."""

    def __init__(self) -> None:
        self._lines: OrderedDict[G, deque[T]] = OrderedDict()  # in the order of their turns

    def __bool__(self) -> bool:
        return bool(self._lines)

    def append(self, group: G, item: T) -> None:
        """The last of its line; a new line has the last turn."""
        self._lines.setdefault(group, deque()).append(item)

    def pop(self, *, may: Callable[[G], bool] = _anyone) -> T | None:
        """The first item of the first line that ``may`` move; that line's next turn is the last."""
        group = next((group for group in self._lines if may(group)), None)
        if group is None:
            return None
        line = self._lines[group]
        item = line.popleft()
        if line:
            self._lines.move_to_end(group)
        else:
            del self._lines[group]
        return item

    def discard(self, group: G, item: T) -> None:
        """Takes one item out of its line, if it is there."""
        line = self._lines.get(group)
        if line is None or item not in line:
            return
        line.remove(item)
        if not line:
            del self._lines[group]


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
