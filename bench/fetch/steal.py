"""What the hypervisor gives to others meanwhile: of a round in which that is much, seconds tell little."""

from dataclasses import dataclass
from pathlib import Path

_STEAL, _GUEST = 7, 8  # columns of proc(5)'s /proc/stat; guests' time is in the users' already


@dataclass(frozen=True)
class Processors:
    """Ticks of all processors together since the machine began."""

    stolen: int
    all: int

    def share_since(self, before: "Processors") -> float:
        """The part of their time that was stolen since then, 0 to 1."""
        passed = self.all - before.all
        return (self.stolen - before.stolen) / passed if passed else 0.0


def processors(stat: Path = Path("/proc/stat")) -> Processors:
    """As of now."""
    with stat.open() as file:
        ticks = [int(each) for each in file.readline().split()[1:]]
    return Processors(ticks[_STEAL], sum(ticks[:_GUEST]))
