"""Event correlator: rate limit (spam filter) and aggregation of Kubernetes events, as client-go's ``EventCorrelator``.

Token bucket: an object may have 25 events at once, then one every 5 minutes.
Aggregation: after 10 similar events within 10 minutes, further ones are
suppressed. The next similar event that is posted reports how many were.
"""

from collections import OrderedDict
from collections.abc import Callable

from msgspec import Struct, field

BURST = 25  # events of one object
REFILL = 300.0  # seconds for each further one
SIMILAR = 10  # events of one type and reason
WINDOW = 600.0  # seconds in which they count
MOST = 4096  # objects whose history is kept


class _Sort(Struct):
    """Events of one object with one type and reason."""

    posted: tuple[float, ...] = ()  # when; a deque would take 0.6 KiB
    suppressed: int = 0


class _Object(Struct):
    """The token bucket of one object, and its events by type and reason."""

    tokens: float
    filled: float
    sorts: dict[tuple[str, str], _Sort] = field(default_factory=dict)


class Correlator:
    """Rate-limits by object (any string), aggregates by the event's type and reason."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._objects: OrderedDict[str, _Object] = OrderedDict()

    def correlate(self, uid: str, type_: str, reason: str, note: str) -> str | None:
        """The note to post, including how many similar events were suppressed before; None to suppress this one."""
        now = self._clock()
        found = self._object(uid, now)
        sort = found.sorts.setdefault((type_, reason), _Sort())
        sort.posted = tuple(at for at in sort.posted if at > now - WINDOW)
        if found.tokens < 1 or len(sort.posted) >= SIMILAR:
            sort.suppressed += 1
            return None
        found.tokens -= 1
        sort.posted = (*sort.posted, now)
        combined, sort.suppressed = sort.suppressed, 0
        return f"(combined from {combined + 1} similar events) {note}" if combined else note

    def _object(self, uid: str, now: float) -> _Object:
        found = self._objects.setdefault(uid, _Object(tokens=BURST, filled=now))
        self._objects.move_to_end(uid)
        if len(self._objects) > MOST:
            self._objects.popitem(last=False)
        found.tokens = min(float(BURST), found.tokens + (now - found.filled) / REFILL)
        found.filled = now
        return found
