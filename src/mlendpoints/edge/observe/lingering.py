"""Since when pods of the gateway have been listed as leaving and not serving.

A pod that drains fails its readiness at once and still answers, so it is asked;
one on a dead node is listed in the same way until somebody removes it, and
answers nobody. Only time tells them apart.
"""

from collections.abc import Callable, Iterable

from mlendpoints.edge.observe.slices import GatewayBackends


class Lingering:
    """By name of the pod, by this process's monotonic clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: dict[str, float] = {}

    def note(self, slices: Iterable[GatewayBackends]) -> None:
        """All slices of the gateway, after one of them has changed."""
        now, pods = self._clock(), {pod for one in slices for pod in one.lingering}
        self._since = {pod: self._since.get(pod, now) for pod in pods}

    def since(self, now: float) -> dict[str, float]:
        """Since when each has lingered, by the clock that says ``now``."""
        ahead = now - self._clock()
        return {pod: begun + ahead for pod, begun in self._since.items()}
