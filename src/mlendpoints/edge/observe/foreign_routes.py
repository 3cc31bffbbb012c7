"""Foreign routes: VirtualServices and Gateways of others that take hosts on our gateway pods (host conflicts).

By Istio's rules: a Gateway opens hosts on the pods that its selector matches; a
VirtualService routes them there if it is bound to such a Gateway. Routes that are
bound only to the mesh, or to other pods, take no host. A bare ``*`` matches only
hosts that no other route names, so it takes none either.

A route is an endpoint's own if it has the endpoint's name and is owned, or will
be adopted. All others are foreign: a label alone does not count, a copy has
another name, and routes of other endpoints, including those without a host,
take it like anyone's.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from itertools import islice

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.core.world import Ref, Settings
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.observe.index import Index
from mlendpoints.edge.observe.projections import Entry, Route

_OWN = 2  # routes that an endpoint can own: a VirtualService and a Gateway


class ForeignRoutes:
    """An index of VirtualServices and Gateways; ``entries`` is the cache's own dict, always up to date."""

    def __init__(self, entries: Mapping[Ref, Entry], settings: Settings, namespaces: tuple[str, ...]) -> None:
        self._entries = entries
        self._selector = settings.gateway_selector
        self._namespaces = namespaces  # watched ones; empty: all
        self._bound: Index[Ref] = Index()  # Gateway -> VirtualServices bound to it
        self._taken: dict[Ref, tuple[str, ...]] = {}  # routes that take hosts -> which
        self._takers: dict[str, list[Ref]] = {}  # host, or '*' and a suffix -> routes that take it, sorted

    def taking(self, host: str, granted: str, endpoint: Endpoint) -> Iterator[Ref]:
        """The first foreign route that takes the endpoint's host by name, and by each wildcard.

        Wildcards that also cover the domain ``granted`` to the namespace do not count.
        """
        cut = f".{granted}" if granted else ""
        yield from self._first_other(host, endpoint)
        endings = (host[at:] for at in range(1, len(host)))
        for pattern in (f"*{ending}" for ending in endings if f"*{ending}" in self._takers):
            if not cut.endswith(pattern[1:]):
                yield from self._first_other(pattern, endpoint)

    def _first_other(self, pattern: str, endpoint: Endpoint) -> Iterator[Ref]:
        return islice((ref for ref in self._takers.get(pattern, ()) if not self._is_own(ref, endpoint)), 1)

    def update(self, ref: Ref, old: Route | None, new: Route | None) -> set[str]:
        """Handles a changed route; returns the hosts and wildcards whose first routes have changed."""
        if ref.kind == kinds.VIRTUAL_SERVICE.name:
            for gateway in old.gateways if old is not None else ():
                self._bound.discard(gateway, ref)
            for gateway in new.gateways if new is not None else ():
                self._bound.add(gateway, ref)
            return self._reindex(ref)
        changed = self._reindex(ref)
        if self._is_on_our_pods(old) != self._is_on_our_pods(new) or (old is None) != (new is None):
            changed |= {host for bound in list(self._bound.of(ref)) for host in self._reindex(bound)}
        return changed

    def _reindex(self, ref: Ref) -> set[str]:
        before, after = self._taken.get(ref, ()), self._hosts_taken(ref)
        if before == after:
            return set()
        hosts = {*before, *after}
        firsts = {host: self._firsts(host) for host in hosts}
        self._forget(ref, before)
        if after:
            self._taken[ref] = after
        for host in after:
            insort(self._takers.setdefault(host, []), ref)
        return {host for host in hosts if firsts[host] != self._firsts(host)}

    def _firsts(self, host: str) -> tuple[Ref, ...]:
        """The first routes of a host: enough to contain the first foreign one, for any endpoint."""
        return tuple(self._takers.get(host, ())[: _OWN + 1])

    def _forget(self, ref: Ref, hosts: tuple[str, ...]) -> None:
        self._taken.pop(ref, None)
        for host in hosts:
            takers = self._takers[host]
            del takers[bisect_left(takers, ref)]
            if not takers:
                del self._takers[host]

    def _hosts_taken(self, ref: Ref) -> tuple[str, ...]:
        entry = self._entries.get(ref)
        if entry is None or not isinstance(entry.facts, Route):
            return ()
        if ref.kind == kinds.GATEWAY.name:
            is_bound = self._is_on_our_pods(entry.facts)
        else:
            is_bound = any(self._may_be_on_our_pods(gateway) for gateway in entry.facts.gateways)
        return entry.facts.hosts if is_bound else ()

    def _is_own(self, ref: Ref, endpoint: Endpoint) -> bool:
        """Whether a route has the endpoint's name and a controller, or is an orphan that will be adopted.

        If the controller is a deleted endpoint of the same name, writing this route waits for garbage collection; if
        it is another object, the write is rejected with ``NotOwned``.
        """
        metadata = endpoint.metadata
        if (ref.namespace, ref.name) != (metadata.namespace, metadata.name):
            return False
        entry = self._entries.get(ref)
        child = entry.facts.child if entry is not None and isinstance(entry.facts, Route) else None
        if child is None:
            return False
        adopts = child.orphan_of == Ref(kinds.ENDPOINT.name, ref.namespace, ref.name)
        return bool(child.controller) or adopts

    def _may_be_on_our_pods(self, gateway: Ref) -> bool:
        entry = self._entries.get(gateway)
        if entry is None:
            return bool(self._namespaces) and gateway.namespace not in self._namespaces
        return isinstance(entry.facts, Route) and self._is_on_our_pods(entry.facts)

    def _is_on_our_pods(self, route: Route | None) -> bool:
        """Whether its selector does not contradict ours; other labels of the gateway pods are not known."""
        return route is not None and all(self._selector.get(key, value) == value for key, value in route.selector)
