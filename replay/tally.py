"""Counts what is compared, in bounded memory: the first differences, and how often each place differs. No I/O."""

from array import array
from bisect import insort
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter

from replay.compare.bodies import compare
from replay.compare.values import Difference, Rules
from replay.exchange import Exchange, NotCompared, Response

MOST_PER_RECORD = 10
"""Differences of one response that are looked for."""
MOST_PLACES = 100
LONGEST_BODY = 200
MOST_VARIANTS = 20
OTHER_PLACES, OTHER_VARIANTS = "(other places)", "(others)"
NO_RESPONSE = "no response"
IDENTITY = {"", "identity"}


@dataclass(frozen=True)
class Differing:
    """A request whose response differs, and how; ``body`` is the start of the request's."""

    name: str
    method: str
    path: str
    body: str
    differences: tuple[Difference, ...]


def differing(exchange: Exchange, differences: tuple[Difference, ...]) -> Differing:
    """The request as it is shown: printable, of bounded length."""
    request = exchange.request
    body = ascii(request.body[:LONGEST_BODY].decode("utf-8", "replace"))[1:-1]
    more = "..." if len(request.body) > LONGEST_BODY else ""
    return Differing(ascii(exchange.name)[1:-1], request.method, request.path[:LONGEST_BODY], body + more, differences)


@dataclass
class Tally:
    """What came of the requests that were sent."""

    rules: Rules
    most_shown: int
    matched: int = 0
    different: int = 0
    not_compared: Counter[NotCompared] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)
    variants: Counter[str] = field(default_factory=Counter)
    first: list[tuple[int, Differing]] = field(default_factory=list)
    """By the number of the request, so that the order in which responses arrive does not matter."""
    recorded_seconds: "array[float]" = field(default_factory=lambda: array("d"))
    replayed_seconds: "array[float]" = field(default_factory=lambda: array("d"))

    @property
    def compared(self) -> int:
        """Requests that count in the match rate."""
        return self.matched + self.different

    def time(self, recorded: float | None, replayed: float) -> None:
        """Durations of a request, where both are known."""
        if recorded is not None:
            self.recorded_seconds.append(recorded)
            self.replayed_seconds.append(replayed)

    def answered_by(self, variant: str) -> None:
        """The variant that a gateway named; empty if it named none."""
        if variant:
            _count(self.variants, variant[:63], MOST_VARIANTS, OTHER_VARIANTS)

    def skip(self, reason: NotCompared) -> None:
        """A response that cannot be compared."""
        self.not_compared[reason] += 1

    def compare(self, number: int, exchange: Exchange, response: Response) -> None:
        """A response, against the recorded one."""
        recorded = exchange.response
        if recorded is None or recorded.body is None:
            self.skip(NotCompared.NO_RECORDED_OUTPUT)
        elif {recorded.encoding.lower(), response.encoding.lower()} - IDENTITY:
            self.skip(NotCompared.ENCODED)
        else:
            self._judge(number, exchange, islice(compare(recorded, response, self.rules), MOST_PER_RECORD))

    def unanswered(self, number: int, exchange: Exchange) -> None:
        """A request without a response, which differs from one that had a response."""
        if exchange.response is None or exchange.response.body is None:
            self.skip(NotCompared.NO_RECORDED_OUTPUT)
        else:
            status = str(exchange.response.status)
            self._judge(number, exchange, [Difference("status", "status", status, NO_RESPONSE)])

    def _judge(self, number: int, exchange: Exchange, found: Iterable[Difference]) -> None:
        differences = tuple(found)
        if not differences:
            self.matched += 1
            return
        self.different += 1
        for place in {difference.general for difference in differences}:
            _count(self.places, place, MOST_PLACES, OTHER_PLACES)
        if len(self.first) < self.most_shown or (self.first and number < self.first[-1][0]):
            insort(self.first, (number, differing(exchange, differences)), key=itemgetter(0))
            del self.first[self.most_shown :]


def _count(counter: Counter[str], name: str, most: int, others: str) -> None:
    counter[name if name in counter or len(counter) < most else others] += 1
