"""How many streams to use: more while that helps, fewer when it does not. No I/O, no clock."""

from dataclasses import dataclass

MOST = 16
FIRST = 8
"""A link of 200 MB/s and 30 ms needs as many, and most artifacts are downloaded before that can be measured."""
BETTER = 1.1
"""Factor by which the rate must grow to justify twice as many streams."""
PATIENCE = 12
"""Measurements for which the best number is kept before more streams are tried again."""


@dataclass
class Concurrency:
    """Doubles the streams as long as that pays off, then rests for a while."""

    most: int = MOST
    streams: int = FIRST
    _rate: float = 0
    _raised: bool = False
    _rest: int = 0

    def __post_init__(self) -> None:
        self.streams = min(self.streams, self.most)

    def measured(self, rate: float, *, starved: bool) -> None:
        """Records the rate in bytes per second; ``starved``: the reader waited for the network."""
        if not starved:
            self._raised = False
        elif self._raised and rate < self._rate * BETTER:
            self._settle(rate)
        elif self._rest:
            self._rest -= 1
        else:
            self._climb(rate)

    def overloaded(self) -> None:
        """The server is overloaded: halves the streams."""
        self.streams = max(1, self.streams // 2)
        self._raised, self._rest = False, PATIENCE

    def _climb(self, rate: float) -> None:
        self._rate, self._raised = rate, self.streams < self.most
        self.streams = min(self.most, self.streams * 2)

    def _settle(self, rate: float) -> None:
        """Goes back by one doubling."""
        self.streams = max(1, self.streams // 2)
        self._rate, self._raised, self._rest = rate, False, PATIENCE
