"""Rejected writes (quota, admission, foreign owner), by key and object, until they succeed or no plan wants them.

They are retried with back-off: soon at first, since users often remove the cause
at once, then less and less often, so that invalid input does not flood the API
server. Meanwhile ``obstacles`` polls whether the cause is gone.
"""

from collections.abc import Callable, Iterable

from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api.reasons import Reason
from mlendpoints.core.plan import SetStatus, Write
from mlendpoints.core.world import Ref, Rejection

FIRST_RETRY = 2.0  # seconds until the first retry
LAST_RETRY = 15.0  # longest time between retries
_FRACTION = 1 / 30  # of the time since the first rejection: for the first minute, every two seconds

_Place = tuple[Ref, bool]  # an object, and whether its status is written


class _Rejected(Struct, frozen=True):
    write: Write
    rejection: Rejection
    first: float
    at: float
    at_once: bool = False  # the cause may be gone

    @property
    def wait(self) -> float:
        return 0.0 if self.at_once else min(LAST_RETRY, max(FIRST_RETRY, (self.at - self.first) * _FRACTION))

    @property
    def next_retry(self) -> float:
        return self.at + self.wait


class Rejections:
    """The last rejection of each write; writes of an object and of its status are separate."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rejected: dict[Ref, dict[_Place, _Rejected]] = {}

    def of(self, key: Ref) -> dict[Ref, Rejection]:
        """The rejections of ``key`` by object; that of the object takes precedence over that of its status."""
        rejected = sorted(self._rejected.get(key, {}).items(), key=lambda item: not item[0][1])
        return {ref: rejected.rejection for (ref, _), rejected in rejected}

    def is_backing_off(self, key: Ref, ref: Ref, write: Write) -> bool:
        """Whether exactly this write was rejected and its next retry is not due."""
        rejected = self._rejected.get(key, {}).get(_place(ref, write))
        return rejected is not None and rejected.write == write and self._clock() < rejected.next_retry

    def due(self, key: Ref) -> float | None:
        """Seconds until the next retry of a write of ``key``; None without rejections."""
        times = [rejected.next_retry for rejected in self._rejected.get(key, {}).values()]
        return max(0.0, min(times) - self._clock()) if times else None

    def unresolved(self, key: Ref) -> dict[Ref, Rejection]:
        """The rejections whose cause is worth polling: foreign owners, and writes with a long back-off."""
        rejected = [(place[0], rejected) for place, rejected in self._rejected.get(key, {}).items() if not place[1]]
        return {r: e.rejection for r, e in rejected if e.rejection.reason == Reason.NOT_OWNED or e.wait > FIRST_RETRY}

    def retry_now(self, key: Ref, refs: Iterable[Ref]) -> None:
        """Retries the writes of these objects at once: the cause is or may be gone."""
        known = self._rejected.get(key, {})
        for ref in refs:
            if (ref, False) in known:
                known[ref, False] = replace(known[ref, False], at_once=True)

    def add(self, key: Ref, ref: Ref, write: Write, rejection: Rejection) -> None:
        """Records a rejection."""
        now, known = self._clock(), self._rejected.setdefault(key, {})
        before = known.get(_place(ref, write))
        first = before.first if before is not None and before.write == write else now
        known[_place(ref, write)] = _Rejected(write, rejection, first, now)

    def clear(self, key: Ref, ref: Ref, write: Write) -> None:
        """Forgets the rejection of a write that succeeded."""
        self._rejected.get(key, {}).pop(_place(ref, write), None)

    def keep_only(self, key: Ref, refs: set[Ref]) -> None:
        """Forgets the rejections of all other objects."""
        kept = {place: rejected for place, rejected in self._rejected.pop(key, {}).items() if place[0] in refs}
        if kept:
            self._rejected[key] = kept


def _place(ref: Ref, write: Write) -> _Place:
    return ref, isinstance(write, SetStatus)
