"""Debounce of status writes: several changes within a short time become one write.

An update changes phases, counts and messages many times within a second, and
only the last matters. Changes that people and tools wait for are never delayed
(``deferrable`` in the plan).
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet

from mlendpoints.core.world import Ref

DELAY = 3.0  # seconds


class Debounce:
    """Since when the status of each object has a pending change, by the key that writes it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: dict[Ref, dict[Ref, float]] = {}

    def waiting(self, key: Ref, refs: AbstractSet[Ref]) -> dict[Ref, float]:
        """Which of ``refs`` are still delayed, and for how many seconds. The others are due now.

        Objects not in ``refs`` have no pending change and are forgotten.
        """
        now, known = self._clock(), self._since.pop(key, {})
        since = {ref: known.get(ref, now) for ref in refs}
        waiting = {ref: begun for ref, begun in since.items() if now < begun + DELAY}
        if waiting:
            self._since[key] = waiting
        return {ref: begun + DELAY - now for ref, begun in waiting.items()}
