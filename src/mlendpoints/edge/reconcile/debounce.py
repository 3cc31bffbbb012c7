"""Status writes that may wait a moment, so that several changes make one write.

An update changes phases, counts and messages many times within a second;
people and tools read the last of them. What they wait for is never held.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet

from mlendpoints.core.world import Ref

DELAY = 3.0  # seconds


class Debounce:
    """Since when each object's status has had something to report, by the key that writes it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: dict[Ref, dict[Ref, float]] = {}

    def waiting(self, key: Ref, refs: AbstractSet[Ref]) -> dict[Ref, float]:
        """Those of ``refs`` that wait still, and for how many seconds. The others are due: write them now.

        What is not among ``refs`` has nothing to report any more, and is forgotten.
        """
        now, known = self._clock(), self._since.pop(key, {})
        since = {ref: known.get(ref, now) for ref in refs}
        waiting = {ref: begun for ref, begun in since.items() if now < begun + DELAY}
        if waiting:
            self._since[key] = waiting
        return {ref: begun + DELAY - now for ref, begun in waiting.items()}
