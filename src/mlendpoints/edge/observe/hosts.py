"""The owner of each host, updated incrementally, so that no plan iterates over all endpoints of a host.

An endpoint that was granted a host keeps it until it is deleted or changes its
host. This holds from the decision on, before a watch shows the status that
records it: endpoints created in between come second (host conflict).

An endpoint is requeued because of another one only if the owner of their host
changes and this affects it: the old and the new owner, and endpoints in their
namespaces, whose messages may name them. Foreign routes affect the owner only.
"""

from collections.abc import Mapping

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.core.hosts import Precedence, granted, host_of, precedence
from mlendpoints.core.world import Ref, Settings
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.observe.foreign_routes import ForeignRoutes
from mlendpoints.edge.observe.index import Index
from mlendpoints.edge.observe.projections import Entry, Route

_KEPT: Precedence = (-1, "", "", "")


class Hosts:
    """An index of endpoints and foreign routes by host; ``entries`` is the cache's own dict, always up to date."""

    def __init__(self, entries: Mapping[Ref, Entry], settings: Settings, namespaces: tuple[str, ...] = ()) -> None:
        self._entries = entries
        self._settings = settings
        self._claimants: Index[str] = Index()  # host -> endpoints that request it
        self._first: dict[str, Ref] = {}
        self._kept: dict[str, tuple[Ref, str]] = {}  # host -> the endpoint, with its uid, that was granted it
        self._foreign = ForeignRoutes(entries, settings, namespaces)

    def owner(self, ref: Ref, endpoint: Endpoint) -> Ref | None:
        """The other endpoint that owns this one's host, if any."""
        first = self._first.get(host_of(endpoint, self._settings))
        return None if first == ref else first

    def keep(self, ref: Ref, endpoint: Endpoint) -> None:
        """Reserves the host for the endpoint, if it is the first one, until it is deleted or changes its host."""
        host = host_of(endpoint, self._settings)
        if self._first.get(host) == ref:
            self._kept[host] = (ref, endpoint.metadata.uid)

    def foreign(self, endpoint: Endpoint) -> tuple[Ref, ...]:
        """Foreign VirtualServices and Gateways that take its host; if there are many, some of them."""
        suffix = granted(endpoint, self._settings) or ""
        return tuple(sorted(set(self._foreign.taking(host_of(endpoint, self._settings), suffix, endpoint))))

    def update(self, before: Entry | None, after: Entry | None) -> set[Ref]:
        """Handles one changed object; returns the endpoints that this affects."""
        entry = after or before
        if entry is None:
            return set()
        old, new = (known.facts if known is not None else None for known in (before, after))
        if entry.ref.kind == kinds.ENDPOINT.name:
            return self._update_endpoint(entry.ref, _endpoint(old), _endpoint(new))
        if isinstance(old, Route) or isinstance(new, Route):
            return self._owners_of(self._foreign.update(entry.ref, _route(old), _route(new)))
        return set()

    def _update_endpoint(self, ref: Ref, old: Endpoint | None, new: Endpoint | None) -> set[Ref]:
        before, after = self._host(old), self._host(new)
        self._claimants.discard(before, ref)
        if after:
            self._claimants.add(after, ref)
        woken = {woken for host in {before, after} - {""} for woken in self._update_first(host, ref, old)}
        if old is not None and self._is_kept(ref, old) and (new is None or (before, _uid(old)) != (after, _uid(new))):
            del self._kept[before]
        return woken

    def _host(self, endpoint: Endpoint | None) -> str:
        return host_of(endpoint, self._settings) if endpoint is not None else ""

    def _update_first(self, host: str, ref: Ref, old: Endpoint | None) -> set[Ref]:
        before = self._first.get(host)
        after = self._next(host, ref, before, old)
        if after is not None:
            self._first[host] = after
        else:
            self._first.pop(host, None)
        return set() if before == after else self._affected(host, before, after)

    def _next(self, host: str, ref: Ref, before: Ref | None, old: Endpoint | None) -> Ref | None:
        """The first endpoint after ``ref`` has changed; iterates over all only if the first one has moved back."""
        order = self._order(host, ref)
        if before != ref:
            other = self._order(host, before) if before is not None else None
            return ref if _comes_before(order, other) else before
        if order is not None and old is not None and not _comes_before(self._precedence(ref, old), order):
            return ref
        orders = ((self._order(host, claimant), claimant) for claimant in self._claimants.of(host))
        return min(((order, claimant) for order, claimant in orders if order is not None), default=(None, None))[1]

    def _order(self, host: str, ref: Ref) -> Precedence | None:
        entry = self._entries.get(ref)
        endpoint = _endpoint(entry.facts) if entry is not None else None
        return self._precedence(ref, endpoint) if endpoint is not None and self._host(endpoint) == host else None

    def _precedence(self, ref: Ref, endpoint: Endpoint) -> Precedence | None:
        return _KEPT if self._is_kept(ref, endpoint) else precedence(endpoint, self._settings)

    def _is_kept(self, ref: Ref, endpoint: Endpoint) -> bool:
        return self._kept.get(self._host(endpoint)) == (ref, _uid(endpoint))

    def _affected(self, host: str, before: Ref | None, after: Ref | None) -> set[Ref]:
        """The endpoints affected by a change of the first one."""
        firsts = {first for first in (before, after) if first is not None}
        namespaces = {ref.namespace for ref in firsts}
        return firsts | {ref for ref in self._claimants.of(host) if ref.namespace in namespaces}

    def _owners_of(self, patterns: set[str]) -> set[Ref]:
        """The first endpoint of each host that a pattern (exact, or ``*`` and a suffix) matches."""
        endings = tuple(pattern.removeprefix("*") for pattern in patterns if pattern.startswith("*"))
        exact = patterns & self._first.keys()
        covered = (host for host in self._first if host.endswith(endings)) if endings else ()
        return {self._first[host] for host in (*exact, *covered)}


def _comes_before(order: Precedence | None, other: Precedence | None) -> bool:
    return order is not None and (other is None or order < other)


def _uid(endpoint: Endpoint) -> str:
    return endpoint.metadata.uid


def _endpoint(facts: object) -> Endpoint | None:
    return facts if isinstance(facts, Endpoint) else None


def _route(facts: object) -> Route | None:
    return facts if isinstance(facts, Route) else None
