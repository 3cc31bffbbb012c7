"""Since when gateway pods have been terminating and not serving in their EndpointSlices.

A draining pod becomes unready at once but still serves requests, so it is
probed. A pod on a dead node looks the same until it is removed, but does not
answer. Only time distinguishes them.
"""

from collections.abc import Callable, Iterable

from mlendpoints.edge.observe.slices import GatewayBackends


class Lingering:
    """Times by pod name, by this process's monotonic clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: dict[str, float] = {}

    def note(self, slices: Iterable[GatewayBackends]) -> None:
        """Handles all slices of the gateway, after one of them has changed."""
        now, pods = self._clock(), {pod for one in slices for pod in one.lingering}
        self._since = {pod: self._since.get(pod, now) for pod in pods}

    def since(self, now: float) -> dict[str, float]:
        """Since when each pod has lingered, by the clock whose time is ``now``."""
        ahead = now - self._clock()
        return {pod: begun + ahead for pod, begun in self._since.items()}
