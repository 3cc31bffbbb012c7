"""Fairness among namespaces: a namespace with a thousand items, or with slow ones, delays no other namespace.

``Turns`` is a fair queue: round robin among groups, FIFO within each; it has no
clock and no tasks. ``Slots`` is a semaphore that limits concurrency in total and
for each namespace; waiting tasks are admitted round robin. ``Budget`` limits
what each namespace uses over time.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

_LEAST = 0.0001  # of whatever unit: less is not waited for

G = TypeVar("G", bound=Hashable)
T = TypeVar("T")


def _anyone(_group: object) -> bool:
    return True


class Turns(Generic[G, T]):
    """A fair queue: one FIFO for each group, served round robin."""

    def __init__(self) -> None:
        self._lines: OrderedDict[G, deque[T]] = OrderedDict()  # in round-robin order

    def __bool__(self) -> bool:
        return bool(self._lines)

    def append(self, group: G, item: T) -> None:
        """Appends an item to its group's FIFO; a new group is served last."""
        self._lines.setdefault(group, deque()).append(item)

    def pop(self, *, may: Callable[[G], bool] = _anyone) -> T | None:
        """The first item of the next group that ``may`` accepts; that group is then served last."""
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
        """Removes one item from its group, if present."""
        line = self._lines.get(group)
        if line is None or item not in line:
            return
        line.remove(item)
        if not line:
            del self._lines[group]


class Slots:
    """A semaphore of ``total`` slots, at most ``each`` of them for one namespace."""

    def __init__(self, *, total: int, each: int) -> None:
        self._free = total
        self._each = each
        self._taken: Counter[str] = Counter()
        self._waiting: Turns[str, tuple[str, asyncio.Future[None]]] = Turns()

    @asynccontextmanager
    async def one(self, namespace: str) -> AsyncIterator[None]:
        """Acquires a slot, waiting for one if necessary, and releases it at the end."""
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
            if not turn.cancelled():  # it had been admitted already
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


class Budget:
    """A leaky bucket for each namespace: it may use ``burst`` at once, and then ``rate`` a second.

    In whatever unit: seconds of the processor, requests.
    """

    def __init__(self, *, rate: float, burst: float, clock: Callable[[], float]) -> None:
        """``clock`` in seconds."""
        self._rate, self._burst, self._clock = rate, burst, clock
        self._used: dict[str, tuple[float, float]] = {}  # by namespace: what counts still, and when that was

    def spend(self, namespace: str, amount: float) -> None:
        """Counts what a namespace has used."""
        self._used[namespace] = (self._left(namespace) + amount, self._clock())

    def delay(self, namespace: str) -> float:
        """Seconds until the namespace may use more; 0 if it may now."""
        over = self._left(namespace) - self._burst
        return over / self._rate if over > _LEAST else 0.0

    def _left(self, namespace: str) -> float:
        used, at = self._used.get(namespace, (0.0, 0.0))
        left = max(0.0, used - self._rate * (self._clock() - at))
        if not left:
            self._used.pop(namespace, None)
        return left
