"""Routes of others that take hosts on our gateway pods, as Istio counts it.

A Gateway opens hosts on the pods that its selector matches; a VirtualService
routes them there where it is bound to such a Gateway. What is bound to the mesh
alone, or to other pods, takes nothing from an endpoint. A bare ``*`` is what
nobody else names, and so takes nothing either. To an endpoint all are others'
but what bears its own name and has an owner, or is adopted: a label alone is
nothing, a copy has another name, and what another endpoint owns, one that is
parked included, takes the host as anybody's does.
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
    """Follows VirtualServices and Gateways; ``entries`` is the cache's own, always up to date."""

    def __init__(self, entries: Mapping[Ref, Entry], settings: Settings, namespaces: tuple[str, ...]) -> None:
        self._entries = entries
        self._selector = settings.gateway_selector
        self._namespaces = namespaces  # that are watched; empty: all
        self._bound: Index[Ref] = Index()  # Gateway -> VirtualServices bound to it
        self._taken: dict[Ref, tuple[str, ...]] = {}  # routes that take hosts -> which
        self._takers: dict[str, list[Ref]] = {}  # host, or '*' and an ending -> routes that take it, in order

    def taking(self, host: str, granted: str, endpoint: Endpoint) -> Iterator[Ref]:
        """The first route not its own that takes the endpoint's host by name, and by each wildcard.

        Wildcards out of which ``granted`` was cut do not count.
        """
        cut = f".{granted}" if granted else ""
        yield from self._first_other(host, endpoint)
        for at in range(1, len(host)):
            ending = host[at:]
            if not cut.endswith(ending):
                yield from self._first_other(f"*{ending}", endpoint)

    def _first_other(self, pattern: str, endpoint: Endpoint) -> Iterator[Ref]:
        return islice((ref for ref in self._takers.get(pattern, ()) if not self._is_own(ref, endpoint)), 1)

    def update(self, ref: Ref, old: Route | None, new: Route | None) -> set[str]:
        """Takes in that a route has changed; returns the hosts and wildcards that others take first now."""
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
        """Enough of those that take a host that the first one not its own is among them, whichever endpoint asks."""
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
        """Whether it has the endpoint's name, and an owner as the endpoint's routes have, or none and is adopted.

        If that owner is not the endpoint itself, but the one of this name before it, the write of this route waits for
        the garbage collector; if it is another one, that write reports ``NotOwned``.
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
        """Whether no label tells its pods from ours; which other labels the pods carry is not known."""
        return route is not None and all(self._selector.get(key, value) == value for key, value in route.selector)
