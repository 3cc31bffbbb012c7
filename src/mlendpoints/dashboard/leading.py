"""Whether an operator leads, by what is seen of its Lease: clocks of different machines are never compared. Pure."""

from collections.abc import Sequence

from mlendpoints.client.leases import LeaseFacts

_USUAL = 15  # seconds for which a renewal is valid where the Lease does not say
_GRACE = 5.0  # seconds between two looks, by which an expiry may be seen late


class Leading:
    """What has been seen of Leases so far."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, float]] = {}  # the last renewal, and when it was first seen

    def problem(self, leases: Sequence[LeaseFacts], now: float) -> str:
        """Why endpoints do not change, in one sentence; empty if all operators lead. ``now`` by any steady clock."""
        idle = [lease.name for lease in leases if not self._leads(lease, now)]
        if not idle:
            return ""
        return (
            f"No operator holds the Lease {', '.join(idle)}: what serves continues to serve, but edits have no effect."
        )

    def _leads(self, lease: LeaseFacts, now: float) -> bool:
        if not lease.holder:
            return False
        renewed, since = self._seen.get(lease.name, ("", now))
        if renewed != lease.renewed:
            renewed, since = lease.renewed, now
        self._seen[lease.name] = (renewed, since)
        return now < since + (lease.seconds or _USUAL) + _GRACE
