"""Whose each host is, kept up to date with every change, so that no decision looks at all endpoints of a host.

An endpoint is woken by another one only when the first of their host changes,
and when it can tell: the first ones themselves, and those beside them, whose
messages may name them. Routes of others concern the first one only.
"""

from collections.abc import Mapping

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.core.hosts import Precedence, granted, host_of, precedence
from mlendpoints.core.world import Ref, Settings
from mlendpoints.edge import kinds
from mlendpoints.edge.foreign import ForeignRoutes
from mlendpoints.edge.projections import Entry, Route

First = tuple[Precedence, Ref]


class Hosts:
    """Follows endpoints, and the routes of others; ``entries`` is the cache's own, always up to date."""

    def __init__(self, entries: Mapping[Ref, Entry], settings: Settings, namespaces: tuple[str, ...] = ()) -> None:
        self._settings = settings
        self._orders: dict[str, dict[Ref, Precedence | None]] = {}  # host -> endpoints that ask for it
        self._first: dict[str, First] = {}
        self._foreign = ForeignRoutes(entries, settings, namespaces)

    def owner(self, ref: Ref, endpoint: Endpoint) -> Ref | None:
        """The endpoint that comes before this one for its host."""
        first = self._first.get(host_of(endpoint, self._settings))
        return first[1] if first is not None and first[1] != ref else None

    def foreign(self, endpoint: Endpoint) -> tuple[Ref, ...]:
        """VirtualServices and Gateways of others that take its host; some of them, if they are many."""
        suffix = granted(endpoint, self._settings) or ""
        return tuple(sorted(set(self._foreign.taking(host_of(endpoint, self._settings), suffix))))

    def follow(self, before: Entry | None, after: Entry | None) -> set[Ref]:
        """Takes in that one object has changed; returns the endpoints to which that makes a difference."""
        entry = after or before
        if entry is None:
            return set()
        old, new = (known.facts if known is not None else None for known in (before, after))
        woken = set[Ref]()
        if entry.ref.kind == kinds.ENDPOINT.name:
            woken |= self._follow_endpoint(entry.ref, _endpoint(old), _endpoint(new))
            if before is None or after is None or before.uid != after.uid:
                woken |= self._owners_of(self._foreign.follow_owner(entry.ref))
        elif isinstance(old, Route) or isinstance(new, Route):
            woken |= self._owners_of(self._foreign.follow(entry.ref, _route(old), _route(new)))
        return woken

    def _follow_endpoint(self, ref: Ref, old: Endpoint | None, new: Endpoint | None) -> set[Ref]:
        hosts = {host_of(endpoint, self._settings) for endpoint in (old, new) if endpoint is not None} - {""}
        return {woken for host in hosts for woken in self._follow_host(host, ref, new)}

    def _follow_host(self, host: str, ref: Ref, endpoint: Endpoint | None) -> set[Ref]:
        orders, before = self._orders.setdefault(host, {}), self._first.get(host)
        if endpoint is None or host_of(endpoint, self._settings) != host:
            orders.pop(ref, None)
        else:
            orders[ref] = precedence(endpoint, self._settings)
        after = _first(ref, orders, before)
        if after is not None:
            self._first[host] = after
        else:
            self._first.pop(host, None)
        if not orders:
            del self._orders[host]
        return _beside(orders, before, after)

    def _owners_of(self, patterns: set[str]) -> set[Ref]:
        """The first endpoint of each host that a pattern (exact, or ``*`` and an ending) covers."""
        endings = tuple(pattern.removeprefix("*") for pattern in patterns if pattern.startswith("*"))
        exact = patterns & self._first.keys()
        covered = (host for host in self._first if host.endswith(endings)) if endings else ()
        return {self._first[host][1] for host in (*exact, *covered)}


def _first(ref: Ref, orders: Mapping[Ref, Precedence | None], before: First | None) -> First | None:
    """The first one after the order of ``ref`` has changed; looks at all only when the first one has gone back."""
    order = orders.get(ref)
    if order is not None and (before is None or (order, ref) <= before):
        return (order, ref)
    if before is not None and before[1] != ref:
        return before
    return min(((order, ref) for ref, order in orders.items() if order is not None), default=None)


def _beside(orders: Mapping[Ref, Precedence | None], before: First | None, after: First | None) -> set[Ref]:
    """Who can tell that the first one is another one."""
    firsts = {first[1] for first in (before, after) if first is not None}
    if len(firsts) < 2 and (before is None) == (after is None):
        return set()
    namespaces = {ref.namespace for ref in firsts}
    return firsts | {ref for ref in orders if ref.namespace in namespaces}


def _endpoint(facts: object) -> Endpoint | None:
    return facts if isinstance(facts, Endpoint) else None


def _route(facts: object) -> Route | None:
    return facts if isinstance(facts, Route) else None
