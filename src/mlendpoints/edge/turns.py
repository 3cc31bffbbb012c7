"""Lines that take turns: whoever brings a thousand items waits for them, and nobody else does.

Round robin among groups, first come first served within each. Pure
bookkeeping, with no clock and no tasks.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
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
