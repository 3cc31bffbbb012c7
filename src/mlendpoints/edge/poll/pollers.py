"""All background pollers, with one life cycle: forgotten by key, cleared and closed together."""

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

from mlendpoints.core.world import Ref
from mlendpoints.edge.poll.measurements import Meter
from mlendpoints.edge.poll.obstacles import Obstacles
from mlendpoints.edge.poll.pod_events import PodEvents
from mlendpoints.edge.poll.probes import Prober


class Poller(Protocol):
    """Polls in background tasks, on behalf of keys."""

    def forget(self, key: Ref) -> None:
        """Stops polling for ``key``."""

    def clear(self) -> None:
        """Stops all polling until a key wants something again."""

    async def close(self) -> None:
        """Stops all polling and waits until all tasks have ended."""


class Pollers(Struct, frozen=True, kw_only=True):
    """The pollers of one engine."""

    prober: Prober
    pod_events: PodEvents
    obstacles: Obstacles
    meter: Meter

    def _all(self) -> Iterator[Poller]:
        yield from (self.pod_events, self.obstacles, self.prober, self.meter)

    def forget(self, key: Ref) -> None:
        """Stops polling for ``key``: its object is deleted."""
        for poller in self._all():
            poller.forget(key)

    def clear(self) -> None:
        """Stops all polling and drops all answers: from now on another operator may write."""
        for poller in self._all():
            poller.clear()

    async def close(self) -> None:
        """Stops all polling and waits until all tasks have ended."""
        for poller in self._all():
            await poller.close()
