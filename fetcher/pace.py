"""How many streams to read by: more while that helps, fewer when it does not. No I/O, no clock."""

from dataclasses import dataclass

MOST = 16
FIRST = 8
"""A link of 200 MB/s and 30 ms needs as many, and most artifacts are fetched before there is time to find that out."""
BETTER = 1.1
"""A rate must be that much higher to justify twice as many streams."""
PATIENCE = 12
"""Measures to keep to a number that was found best, before more are tried again."""


@dataclass
class Pace:
    """Climbs as long as a doubling of the streams pays off, then stays for a while."""

    most: int = MOST
    streams: int = FIRST
    _rate: float = 0
    _raised: bool = False
    _rest: int = 0

    def __post_init__(self) -> None:
        self.streams = min(self.streams, self.most)

    def measured(self, rate: float, *, starved: bool) -> None:
        """Takes in the rate in bytes a second; ``starved``: the reader waited for the network."""
        if not starved:
            self._raised = False
        elif self._raised and rate < self._rate * BETTER:
            self._settle(rate)
        elif self._rest:
            self._rest -= 1
        else:
            self._climb(rate)

    def overloaded(self) -> None:
        """The server asked for less."""
        self.streams = max(1, self.streams // 2)
        self._raised, self._rest = False, PATIENCE

    def _climb(self, rate: float) -> None:
        self._rate, self._raised = rate, self.streams < self.most
        self.streams = min(self.most, self.streams * 2)

    def _settle(self, rate: float) -> None:
        """Goes back by one doubling."""
        self.streams = max(1, self.streams // 2)
        self._rate, self._raised, self._rest = rate, False, PATIENCE
