"""Debounce of status writes: several changes within a short time become one write.

An update changes phases, counts and messages many times within a second, and
only the last matters. Changes that people and tools wait for are never delayed
(``deferrable`` in the plan), but for one: that nothing has changed with a new
generation (``repeats``). A namespace in which specs are edited without a pause
and to no effect would keep the API server busy with that; beyond so many a
second, such writes wait for their turn.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet

from mlendpoints.core.world import Ref
from mlendpoints.edge.fairness import Budget

DELAY = 3.0  # seconds


class Debounce:
    """When the status of each object with a pending change is due, by the key that writes it."""

    def __init__(self, clock: Callable[[], float], *, repeats: Budget | None = None) -> None:
        """``repeats``: how many writes that say nothing new each namespace has; None: any number."""
        self._clock = clock
        self._repeats = repeats
        self._due: dict[Ref, dict[Ref, float]] = {}

    def waiting(self, key: Ref, refs: AbstractSet[Ref], *, repeats: AbstractSet[Ref] = frozenset()) -> dict[Ref, float]:
        """Which of ``refs`` and ``repeats`` are still delayed, and for how many seconds. The others are due now.

        Objects in neither have no pending change and are forgotten.
        """
        now, known = self._clock(), self._due.pop(key, {})
        due = {ref: min(known.get(ref, now + DELAY), now + DELAY) for ref in refs}
        due |= {ref: known[ref] if ref in known else now + self._turn(key.namespace) for ref in repeats}
        waiting = {ref: at for ref, at in due.items() if now < at}
        if waiting:
            self._due[key] = waiting
        return {ref: at - now for ref, at in waiting.items()}

    def _turn(self, namespace: str) -> float:
        """Seconds until it is the turn of one more write."""
        if self._repeats is None:
            return 0.0
        self._repeats.spend(namespace, 1.0)
        return self._repeats.delay(namespace)
