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
from mlendpoints.core.world import Ref, Rejection

FIRST_RETRY = 2.0  # seconds until a write that was just rejected is retried
LAST_RETRY = 15.0  # the longest
_FRACTION = 1 / 30  # of the time since the first rejection: after a minute it is still retried every two seconds

_Place = tuple[Ref, bool]  # an object, and whether it is about its status


class _Rejected(Struct, frozen=True):
    write: Write
    rejection: Rejection
    first: float
    at: float
    at_once: bool = False  # what it met has gone

    @property
    def wait(self) -> float:
        return 0.0 if self.at_once else min(LAST_RETRY, max(FIRST_RETRY, (self.at - self.first) * _FRACTION))

    @property
    def next_retry(self) -> float:
        return self.at + self.wait


class Rejections:
    """The last rejection of each write; the status of an object is written apart from the object."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rejected: dict[Ref, dict[_Place, _Rejected]] = {}

    def of(self, key: Ref) -> dict[Ref, Rejection]:
        """What was rejected for ``key``, by object; of an object and its status, the object's."""
        rejected = sorted(self._rejected.get(key, {}).items(), key=lambda item: not item[0][1])
        return {ref: rejected.rejection for (ref, _), rejected in rejected}

    def is_backing_off(self, key: Ref, ref: Ref, write: Write) -> bool:
        """Whether exactly this write was rejected a moment ago."""
        rejected = self._rejected.get(key, {}).get(_place(ref, write))
        return rejected is not None and rejected.write == write and self._clock() < rejected.next_retry

    def due(self, key: Ref) -> float | None:
        """In how many seconds the next write of ``key`` is retried; None if none was rejected."""
        times = [rejected.next_retry for rejected in self._rejected.get(key, {}).values()]
        return max(0.0, min(times) - self._clock()) if times else None

    def unresolved(self, key: Ref) -> dict[Ref, Rejection]:
        """The rejections whose cause is worth looking for: strangers, and what is retried only after a while."""
        rejected = [(place[0], rejected) for place, rejected in self._rejected.get(key, {}).items() if not place[1]]
        return {r: e.rejection for r, e in rejected if e.rejection.reason == Reason.NOT_OWNED or e.wait > FIRST_RETRY}

    def retry_now(self, key: Ref, refs: Iterable[Ref]) -> None:
        """The writes of these objects are retried at once: what they met has gone, or may have."""
        known = self._rejected.get(key, {})
        for ref in refs:
            if (ref, False) in known:
                known[ref, False] = replace(known[ref, False], at_once=True)

    def add(self, key: Ref, ref: Ref, write: Write, rejection: Rejection) -> None:
        """Remembers a rejection."""
        now, known = self._clock(), self._rejected.setdefault(key, {})
        before = known.get(_place(ref, write))
        first = before.first if before is not None and before.write == write else now
        known[_place(ref, write)] = _Rejected(write, rejection, first, now)

    def clear(self, key: Ref, ref: Ref, write: Write) -> None:
        """The write was taken."""
        self._rejected.get(key, {}).pop(_place(ref, write), None)

    def keep_only(self, key: Ref, refs: set[Ref]) -> None:
        """Forgets rejections of what is not wanted any more."""
        kept = {place: rejected for place, rejected in self._rejected.pop(key, {}).items() if place[0] in refs}
        if kept:
            self._rejected[key] = kept


def _place(ref: Ref, write: Write) -> _Place:
    return ref, isinstance(write, SetStatus)
