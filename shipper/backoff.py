"""How long to wait before a retry. No I/O, no clock."""

from dataclasses import dataclass

LONGEST_SECONDS = 60.0


@dataclass(frozen=True)
class Backoff:
    """Doubles from the first pause up to a cap; ``share``, from 0 to 1, spreads the retries of many pods."""

    first: float
    failures: int = 0

    def failed(self) -> "Backoff":
        """After another failure."""
        return Backoff(self.first, self.failures + 1)

    def pause(self, share: float, at_least: float = 0) -> float:
        """In seconds; ``at_least`` is what the server requested, within the cap."""
        longest = min(LONGEST_SECONDS, self.first * 2.0 ** min(self.failures - 1, 16))
        return max(longest * (0.5 + share / 2), min(at_least, LONGEST_SECONDS))
