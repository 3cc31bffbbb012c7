"""What the API server rejected, by endpoint and object, until it accepts it or no plan wants it any more.

A rejected write is retried soon at first, since whoever meets an obstacle
often removes it at once; then less and less often, so that bad input makes no
storm (see ``obstacles`` for what is looked after meanwhile).
"""

from collections.abc import Callable, Iterable

from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api.reasons import Reason
from mlendpoints.core.plan import SetStatus, Write
from mlendpoints.core.world import Ref, Refusal

SOON = 2.0  # seconds until a write that was just rejected is retried
HELD_BACK = 15.0  # the longest
_PART = 1 / 30  # of the time since the first rejection: after a minute it is still retried every two seconds

_Place = tuple[Ref, bool]  # an object, and whether it is about its status


class _Refused(Struct, frozen=True):
    write: Write
    refusal: Refusal
    first: float
    at: float
    lifted: bool = False  # what it met has gone

    @property
    def wait(self) -> float:
        return 0.0 if self.lifted else min(HELD_BACK, max(SOON, (self.at - self.first) * _PART))

    @property
    def again(self) -> float:
        return self.at + self.wait


class Refusals:
    """The last rejection of each write; the status of an object is written apart from the object."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._refused: dict[Ref, dict[_Place, _Refused]] = {}

    def of(self, key: Ref) -> dict[Ref, Refusal]:
        """What was rejected for ``key``, by object; of an object and its status, the object's."""
        refused = sorted(self._refused.get(key, {}).items(), key=lambda item: not item[0][1])
        return {ref: refused.refusal for (ref, _), refused in refused}

    def holds_back(self, key: Ref, ref: Ref, write: Write) -> bool:
        """Whether exactly this write was rejected a moment ago."""
        refused = self._refused.get(key, {}).get(_place(ref, write))
        return refused is not None and refused.write == write and self._clock() < refused.again

    def due(self, key: Ref) -> float | None:
        """In how many seconds the next write of ``key`` is retried; None if none was rejected."""
        times = [refused.again for refused in self._refused.get(key, {}).values()]
        return max(0.0, min(times) - self._clock()) if times else None

    def standing(self, key: Ref) -> dict[Ref, Refusal]:
        """The rejections whose cause is worth looking for: strangers, and what is retried only after a while."""
        refused = [(place[0], refused) for place, refused in self._refused.get(key, {}).items() if not place[1]]
        return {r: e.refusal for r, e in refused if e.refusal.reason == Reason.NOT_OWNED or e.wait > SOON}

    def lift(self, key: Ref, refs: Iterable[Ref]) -> None:
        """The writes of these objects are tried again at once: what they met has gone, or may have."""
        known = self._refused.get(key, {})
        for ref in refs:
            if (ref, False) in known:
                known[ref, False] = replace(known[ref, False], lifted=True)

    def refuse(self, key: Ref, ref: Ref, write: Write, refusal: Refusal) -> None:
        """Remembers a rejection."""
        now, known = self._clock(), self._refused.setdefault(key, {})
        before = known.get(_place(ref, write))
        first = before.first if before is not None and before.write == write else now
        known[_place(ref, write)] = _Refused(write, refusal, first, now)

    def clear(self, key: Ref, ref: Ref, write: Write) -> None:
        """The write was taken."""
        self._refused.get(key, {}).pop(_place(ref, write), None)

    def keep_only(self, key: Ref, refs: set[Ref]) -> None:
        """Forgets rejections of what is not wanted any more."""
        kept = {place: refused for place, refused in self._refused.pop(key, {}).items() if place[0] in refs}
        if kept:
            self._refused[key] = kept


def _place(ref: Ref, write: Write) -> _Place:
    return ref, isinstance(write, SetStatus)
