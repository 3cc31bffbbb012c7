"""Since when the watch has shown each endpoint's routes as they are, by this process's monotonic clock.

A timed proof waits for gateways that are told by the same API server. What that
server's clock says, or said of a write, is never compared with this one.
"""

from collections.abc import Callable

from mlendpoints.core.world import Child, Ref, Routes
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.observe.projections import Entry, Route


class RouteTimes:
    """By VirtualService; what was never shown has been absent since the process has looked."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begun = clock()
        self._since: dict[Ref, float] = {}

    def note(self, ref: Ref, before: Entry | None, after: Entry | None) -> None:
        """An object has changed, or gone."""
        if ref.kind == kinds.VIRTUAL_SERVICE.name and _observed(before) != _observed(after):
            self._since[ref] = self._clock()

    def forget(self, name: Ref) -> None:
        """Neither an endpoint nor a route has this name."""
        self._since.pop(_route_of(name), None)

    def age(self, endpoint: Ref) -> float:
        """For how many seconds an endpoint's routes have been as they are."""
        return self._clock() - self._since.get(_route_of(endpoint), self._begun)


def _route_of(endpoint: Ref) -> Ref:
    return Ref(kinds.VIRTUAL_SERVICE.name, endpoint.namespace, endpoint.name)


def _observed(entry: Entry | None) -> tuple[str, float, Routes | None] | None:
    """What gateways make of it, and by which write of ours; nothing of a route that is not ours."""
    match entry:
        case Entry(uid=uid, facts=Route(child=Child() as child)):
            return uid, child.written, child.routes
        case _:
            return None
