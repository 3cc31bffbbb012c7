"""Everything that asks in the background, with one life cycle: forgotten by key, cleared and closed together."""

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

from mlendpoints.core.world import Ref
from mlendpoints.edge.poll.measurements import Meter
from mlendpoints.edge.poll.obstacles import Obstacles
from mlendpoints.edge.poll.pod_events import PodEvents
from mlendpoints.edge.poll.probes import Prober


class Poller(Protocol):
    """Asks questions in background tasks, by the key that wants the answers."""

    def forget(self, key: Ref) -> None:
        """Asks nothing more for ``key``."""

    def clear(self) -> None:
        """Asks nothing more at all, until something is wanted again."""

    async def close(self) -> None:
        """Asks nothing more at all, and waits until all tasks have ended."""


class Pollers(Struct, frozen=True, kw_only=True):
    """The pollers of one engine."""

    prober: Prober
    pod_events: PodEvents
    obstacles: Obstacles
    meter: Meter

    def _all(self) -> Iterator[Poller]:
        yield from (self.pod_events, self.obstacles, self.prober, self.meter)

    def forget(self, key: Ref) -> None:
        """Asks nothing more for ``key``: its object is gone."""
        for poller in self._all():
            poller.forget(key)

    def clear(self) -> None:
        """Asks nothing more and drops all answers: from now on another operator may write."""
        for poller in self._all():
            poller.clear()

    async def close(self) -> None:
        """Asks nothing more at all, and waits until all tasks have ended."""
        for poller in self._all():
            await poller.close()
