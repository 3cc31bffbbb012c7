"""Since when each endpoint's routes have been observed unchanged, by this process's monotonic clock.

A timed proof waits for the propagation of routes to the gateways, from when the
watch has delivered them. Timestamps of the API server are never compared with
this clock.
"""

from collections.abc import Callable

from mlendpoints.core.world import Child, Ref, Routes
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.observe.projections import Entry, Route


class RouteTimes:
    """Times by VirtualService; one that was never observed has been absent since the process started."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begun = clock()
        self._since: dict[Ref, float] = {}

    def note(self, ref: Ref, before: Entry | None, after: Entry | None) -> None:
        """Handles a changed or deleted object."""
        if ref.kind == kinds.VIRTUAL_SERVICE.name and _observed(before) != _observed(after):
            self._since[ref] = self._clock()

    def forget(self, name: Ref) -> None:
        """Forgets a name that neither an endpoint nor a route has any more."""
        self._since.pop(_route_of(name), None)

    def age(self, endpoint: Ref) -> float:
        """For how many seconds an endpoint's routes have been unchanged."""
        return self._clock() - self._since.get(_route_of(endpoint), self._begun)


def _route_of(endpoint: Ref) -> Ref:
    return Ref(kinds.VIRTUAL_SERVICE.name, endpoint.namespace, endpoint.name)


def _observed(entry: Entry | None) -> tuple[str, float, Routes | None] | None:
    """The routes, and our write that set them; None for a foreign route."""
    match entry:
        case Entry(uid=uid, facts=Route(child=Child() as child)):
            return uid, child.written, child.routes
        case _:
            return None
