"""Everything that asks in the background, with one life cycle: forgotten by key, cleared and closed together."""

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

from mlendpoints.core.world import Ref
from mlendpoints.edge.ask.measurements import Meter
from mlendpoints.edge.ask.obstacles import Obstacles
from mlendpoints.edge.ask.pod_events import Inquiries
from mlendpoints.edge.ask.probes import Prober


class Asker(Protocol):
    """Asks questions in background tasks, by the key that wants the answers."""

    def forget(self, key: Ref) -> None:
        """Asks nothing more for ``key``."""

    def clear(self) -> None:
        """Asks nothing more at all, until something is wanted again."""

    async def close(self) -> None:
        """Asks nothing more at all, and waits until all tasks have ended."""


class Askers(Struct, frozen=True, kw_only=True):
    """The askers of one engine."""

    prober: Prober
    inquiries: Inquiries
    obstacles: Obstacles
    meter: Meter

    def _all(self) -> Iterator[Asker]:
        yield from (self.inquiries, self.obstacles, self.prober, self.meter)

    def forget(self, key: Ref) -> None:
        """Asks nothing more for ``key``: its object is gone."""
        for asker in self._all():
            asker.forget(key)

    def clear(self) -> None:
        """Asks nothing more and drops all answers: from now on another operator may write."""
        for asker in self._all():
            asker.clear()

    async def close(self) -> None:
        """Asks nothing more at all, and waits until all tasks have ended."""
        for asker in self._all():
            await asker.close()
