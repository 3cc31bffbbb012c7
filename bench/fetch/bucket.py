"""A token bucket: how long to wait before bytes may be sent. No clock of its own, no I/O."""

from dataclasses import dataclass

BURST_SECONDS = 0.02
"""What may be made up for: a sender that was woken too late must not lower the rate."""


@dataclass
class Bucket:
    """``rate`` in bytes a second for all senders together; 0 for no limit."""

    rate: float
    _free_at: float = 0.0

    def wait(self, size: int, now: float) -> float:
        """Seconds until the sender of so many bytes may send them; they are taken at once."""
        if not self.rate:
            return 0.0
        begin = max(self._free_at, now - BURST_SECONDS)
        self._free_at = begin + size / self.rate
        return max(0.0, self._free_at - now)
