"""Routes of others that take hosts on our gateway pods, as Istio counts it.

A Gateway opens hosts on the pods that its selector matches; a VirtualService
routes them there where it is bound to such a Gateway. What is bound to the mesh
alone, or to other pods, takes nothing from an endpoint. A bare ``*`` is what
nobody else names, and so takes nothing either. *Ours* is what an endpoint that
is known owns by its own name, or adopts; a label alone is nothing, and a copy
has another name.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.core.world import Ref, Settings
from mlendpoints.edge import kinds
from mlendpoints.edge.bearers import Bearers
from mlendpoints.edge.projections import Entry, Route


class ForeignRoutes:
    """Follows VirtualServices and Gateways; ``entries`` is the cache's own, always up to date."""

    def __init__(self, entries: Mapping[Ref, Entry], settings: Settings, namespaces: tuple[str, ...]) -> None:
        self._entries = entries
        self._selector = settings.gateway_selector
        self._namespaces = namespaces  # that are watched; empty: all
        self._bound: Bearers[Ref] = Bearers()  # Gateway -> VirtualServices bound to it
        self._taken: dict[Ref, tuple[str, ...]] = {}  # routes that take hosts -> which
        self._takers: dict[str, list[Ref]] = {}  # host, or '*' and an ending -> routes that take it, in order

    def taking(self, host: str, granted: str) -> Iterator[Ref]:
        """The first route that takes the host by name, and by each wildcard out of which ``granted`` was not cut."""
        cut = f".{granted}" if granted else ""
        yield from self._takers.get(host, ())[:1]
        for at in range(1, len(host)):
            ending = host[at:]
            if (takers := self._takers.get(f"*{ending}")) and not cut.endswith(ending):
                yield takers[0]

    def follow(self, ref: Ref, old: Route | None, new: Route | None) -> set[str]:
        """Takes in that a route has changed; returns the hosts and wildcards that another one takes first now."""
        if ref.kind == kinds.VIRTUAL_SERVICE.name:
            for gateway in old.gateways if old is not None else ():
                self._bound.discard(gateway, ref)
            for gateway in new.gateways if new is not None else ():
                self._bound.add(gateway, ref)
            return self._consider(ref)
        changed = self._consider(ref)
        if self._is_on_our_pods(old) != self._is_on_our_pods(new) or (old is None) != (new is None):
            changed |= {host for bound in list(self._bound.of(ref)) for host in self._consider(bound)}
        return changed

    def follow_owner(self, endpoint: Ref) -> set[str]:
        """Takes in that an endpoint has come or gone: its routes are ours only while it is known."""
        named = (Ref(kind.name, endpoint.namespace, endpoint.name) for kind in (kinds.VIRTUAL_SERVICE, kinds.GATEWAY))
        return {host for ref in named for host in self._consider(ref)}

    def _consider(self, ref: Ref) -> set[str]:
        before, after = self._taken.get(ref, ()), self._hosts_taken(ref)
        if before == after:
            return set()
        hosts = {*before, *after}
        firsts = {host: self._takers.get(host, ())[:1] for host in hosts}
        self._forget(ref, before)
        if after:
            self._taken[ref] = after
        for host in after:
            insort(self._takers.setdefault(host, []), ref)
        return {host for host in hosts if [*firsts[host]] != [*self._takers.get(host, ())[:1]]}

    def _forget(self, ref: Ref, hosts: tuple[str, ...]) -> None:
        self._taken.pop(ref, None)
        for host in hosts:
            takers = self._takers[host]
            del takers[bisect_left(takers, ref)]
            if not takers:
                del self._takers[host]

    def _hosts_taken(self, ref: Ref) -> tuple[str, ...]:
        entry = self._entries.get(ref)
        if entry is None or not isinstance(entry.facts, Route) or self._is_ours(ref, entry.facts):
            return ()
        if ref.kind == kinds.GATEWAY.name:
            is_bound = self._is_on_our_pods(entry.facts)
        else:
            is_bound = any(self._is_open(gateway) for gateway in entry.facts.gateways)
        return entry.facts.hosts if is_bound else ()

    def _is_ours(self, ref: Ref, route: Route) -> bool:
        """What has the name of a known endpoint and an owner as its children have.

        If that is not the endpoint itself, but the one of this name before it, the write of this route waits for the
        garbage collector; if it is another one, that write reports ``NotOwned``.
        """
        owner = self._entries.get(Ref(kinds.ENDPOINT.name, ref.namespace, ref.name))
        if owner is None or route.child is None:
            return False
        return isinstance(owner.facts, Endpoint) and (route.child.controller != "" or route.child.orphan_of is not None)

    def _is_open(self, gateway: Ref) -> bool:
        entry = self._entries.get(gateway)
        if entry is None:
            return bool(self._namespaces) and gateway.namespace not in self._namespaces
        return isinstance(entry.facts, Route) and self._is_on_our_pods(entry.facts)

    def _is_on_our_pods(self, route: Route | None) -> bool:
        """Whether no label tells its pods from ours; which other labels the pods carry is not known."""
        return route is not None and all(self._selector.get(key, value) == value for key, value in route.selector)
