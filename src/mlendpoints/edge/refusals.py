"""What the API server refused, by endpoint and object, until it takes it or nobody asks for it any more.

Holds a refused write back for a while, so that bad input makes no storm.
"""

from collections.abc import Callable

from msgspec import Struct

from mlendpoints.core.plan import Write
from mlendpoints.core.world import Ref, Refusal

HELD_BACK = 15.0  # seconds; the plan looks again after 30


class _Refused(Struct, frozen=True):
    write: Write
    refusal: Refusal
    at: float


class Refusals:
    """The last refusal of each write."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._refused: dict[Ref, dict[Ref, _Refused]] = {}

    def of(self, key: Ref) -> dict[Ref, Refusal]:
        """What was refused for ``key``, by object."""
        return {ref: refused.refusal for ref, refused in self._refused.get(key, {}).items()}

    def holds_back(self, key: Ref, ref: Ref, write: Write) -> bool:
        """Whether exactly this write was refused a moment ago."""
        refused = self._refused.get(key, {}).get(ref)
        return refused is not None and refused.write == write and self._clock() < refused.at + HELD_BACK

    def refuse(self, key: Ref, ref: Ref, write: Write, refusal: Refusal) -> None:
        """Remembers a refusal."""
        self._refused.setdefault(key, {})[ref] = _Refused(write, refusal, self._clock())

    def clear(self, key: Ref, ref: Ref) -> None:
        """The write was taken."""
        self._refused.get(key, {}).pop(ref, None)

    def keep_only(self, key: Ref, refs: set[Ref]) -> None:
        """Forgets refusals of what is asked for no more."""
        kept = {ref: refused for ref, refused in self._refused.pop(key, {}).items() if ref in refs}
        if kept:
            self._refused[key] = kept
