"""Rounds of seconds -> shares, ratios and spreads. No I/O."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.fetch.contestants import KSERVE, OURS


@dataclass(frozen=True)
class Work:
    """Seconds by the clock, and seconds of processors."""

    seconds: float
    cpu: float


@dataclass(frozen=True)
class Round:
    """One round, in which each was measured once: the ceilings, then those who fetch."""

    ceilings: Mapping[str, Work]
    hashing: Work
    beside: Work  # inflation and SHA-256 at the same time
    fetches: Mapping[str, Work]
    stolen: float  # part of the processors' time that the hypervisor gave to others

    @property
    def lowest(self) -> str:
        """The name of the part of the work that takes longest by itself."""
        return max(self.ceilings, key=lambda name: self.ceilings[name].seconds)

    def share(self, name: str) -> float:
        """How much of the lowest ceiling a contestant has reached: 1 is all of it."""
        return self.ceilings[self.lowest].seconds / self.fetches[name].seconds

    @property
    def cpu(self) -> float:
        """Processor seconds of all parts and of SHA-256, each alone."""
        return self.hashing.cpu + sum(each.cpu for each in self.ceilings.values())

    @property
    def one_after_the_other(self) -> float:
        """Processor seconds of inflation and of SHA-256, each alone; ``beside`` is the same work at the same time."""
        return self.hashing.cpu + self.ceilings["inflate"].cpu

    def together(self, cores: int) -> float:
        """Seconds that all of it takes on so many cores, shared out evenly: nobody on them is faster."""
        return max(self.ceilings[self.lowest].seconds, self.cpu / cores)

    def faster(self, name: str = OURS, other: str = KSERVE) -> float:
        """How many times as fast the first is."""
        return self.fetches[other].seconds / self.fetches[name].seconds


@dataclass(frozen=True)
class Spread:
    """Several measures of the same."""

    values: tuple[float, ...]

    @property
    def middle(self) -> float:
        """The median."""
        return median(self.values)

    def shown(self, digits: int = 2) -> str:
        """The median, then the least and the most."""
        return f"{self.middle:.{digits}f} ({min(self.values):.{digits}f}-{max(self.values):.{digits}f})"


def spread(rounds: Sequence[Round], value: Callable[[Round], float]) -> Spread:
    """The figure of each round; rounds are paired, so a ratio is taken within each."""
    return Spread(tuple(value(each) for each in rounds))


def usual_lowest(rounds: Sequence[Round]) -> str:
    """The ceiling that is the lowest by its median."""
    return max(rounds[0].ceilings, key=lambda name: median(each.ceilings[name].seconds for each in rounds))
