"""Whose each host is, as the cache keeps it: with every change the same as if all were looked at again."""

from collections.abc import Iterator
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from mlendpoints.api import labels
from mlendpoints.api.endpoint import Endpoint
from mlendpoints.core.endpoint.host_claim import check_host
from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.hosts import granted, host_of, precedence
from mlendpoints.core.world import HostGrant, Ref
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.observe.projections import Entry, Route
from mlendpoints.edge.reconcile.reconciler import log_conflict
from tests.edge.objects import Object, an_entry, an_object
from tests.kit.builders import some_settings

ENDPOINT, ROUTE, GATEWAY = "MachineLearningEndpoint", "VirtualService", "Gateway"
OURS, OTHERS = {"istio": "ingressgateway"}, {"istio": "internal"}
SETTINGS = some_settings(
    gateway_domain="d.com",
    gateway_hosts=(
        HostGrant(namespaces=("a", "b"), suffixes=("*",)),
        HostGrant(namespaces=("c",), suffixes=("x.com", "in.x.com")),
    ),
)
NAMESPACES = ("a", "b", "c")
HOSTS = ("x.com", "s.x.com", "t.in.x.com", "e.a.d.com", "f.a.d.com", "a.d.com", "z.org")
PATTERNS = (*HOSTS, "*", "*.x.com", "*.in.x.com", "*-s.x.com", "*.com", "*.d.com", "*.a.d.com", "*s.x.com")
NAMES = ("e", "f")


def an_endpoint(namespace: str, name: str, host: str, *, uid: str = "", age: int = 0) -> Object:
    meta = {
        "namespace": namespace,
        "uid": uid or f"{namespace}-{name}",
        "creationTimestamp": f"2026-01-01T00:00:0{age}Z",
    }
    spec = {"config": "cfg"} | ({"host": host} if host else {})
    return an_object(name, metadata=meta, spec=spec)


def a_route(namespace: str, name: str, hosts: list[str], gateways: list[str], *, owner: str = "") -> Object:
    owners = [{"apiVersion": "v1", "kind": ENDPOINT, "name": "any", "uid": owner, "controller": True}] if owner else []
    meta = {"namespace": namespace, "ownerReferences": owners}
    return an_object(name, metadata=meta, spec={"hosts": hosts, "gateways": gateways, "http": []})


def a_gateway(namespace: str, name: str, hosts: list[str], selector: dict[str, str], *, owner: str = "") -> Object:
    obj = a_route(namespace, name, [], [], owner=owner)
    return obj | {"spec": {"selector": selector, "servers": [{"hosts": hosts}]}}


def filled(*objects: tuple[str, Object], namespaces: tuple[str, ...] = ()) -> Cache:
    cache = Cache(SETTINGS, namespaces)
    for kind, obj in objects:
        cache.put(an_entry(kind, obj))
    return cache


def ref(kind: str, namespace: str, name: str) -> Ref:
    return Ref(kind, namespace, name)


def owner(cache: Cache, key: Ref) -> Ref | None:
    world = cache.world(key, now=0.0, settings=SETTINGS)
    assert world is not None
    return world.host_owner


def foreign(cache: Cache, key: Ref) -> tuple[Ref, ...]:
    world = cache.world(key, now=0.0, settings=SETTINGS)
    assert world is not None
    return world.foreign_routes


def finding(cache: Cache, key: Ref) -> str:
    world = cache.world(key, now=0.0, settings=SETTINGS)
    found = check_host(world) if world is not None else None
    return found.message if found else ""


E = ref(ENDPOINT, "a", "e")
MINE = (ENDPOINT, an_endpoint("a", "e", "s.x.com"))
PUBLIC = (GATEWAY, a_gateway("c", "public", [], OURS))
INTERNAL = (GATEWAY, a_gateway("c", "internal", ["s.x.com"], OTHERS))


@pytest.mark.parametrize(
    ("kind", "route", "takes"),
    [
        (ROUTE, a_route("c", "vs", ["s.x.com"], ["public"]), True),
        (ROUTE, a_route("b", "vs", ["s.x.com"], ["c/public"]), True),
        (ROUTE, a_route("b", "vs", ["*.x.com"], ["c/public"]), True),
        (ROUTE, a_route("b", "vs", ["*.com"], ["mesh", "c/public"]), True),
        (ROUTE, a_route("b", "vs", ["*"], ["c/public"]), False),
        (ROUTE, a_route("b", "vs", ["*.s.x.com", "x.com", "*-s.x.com"], ["c/public"]), False),
        (ROUTE, a_route("b", "vs", ["s.x.com"], []), False),
        (ROUTE, a_route("b", "vs", ["s.x.com"], ["mesh"]), False),
        (ROUTE, a_route("b", "vs", ["s.x.com"], ["c/internal"]), False),
        (ROUTE, a_route("b", "vs", ["s.x.com"], ["public"]), False),
        (GATEWAY, a_gateway("b", "gw", ["b/s.x.com"], OURS), True),
        (GATEWAY, a_gateway("b", "gw", ["*/*.x.com"], OURS), True),
        (GATEWAY, a_gateway("b", "gw", ["s.x.com"], {}), True),
        (GATEWAY, a_gateway("b", "gw", ["s.x.com"], {"app": "gate"}), True),
        (GATEWAY, a_gateway("b", "gw", ["*"], OURS), False),
        (GATEWAY, a_gateway("b", "gw", ["s.x.com"], OTHERS), False),
        (GATEWAY, a_gateway("b", "gw", ["s.x.com"], {"app": "gate", **OTHERS}), False),
    ],
)
def test_only_routes_on_the_same_gateway_pods_take_a_host(kind: str, route: Object, *, takes: bool) -> None:
    cache = filled(MINE, PUBLIC, INTERNAL, (kind, route))
    assert bool(foreign(cache, E)) is takes
    assert ("HostConflict" if takes else "") == ("HostConflict" if finding(cache, E) else "")


@pytest.mark.parametrize(
    ("name", "uid", "takes"),
    [("e", "a-e", False), ("copy", "a-e", True), ("e", "the-one-before", False), ("e", "", True)],
)
def test_its_own_is_what_has_its_name_and_an_owner_not_what_a_label_says(name: str, uid: str, *, takes: bool) -> None:
    cache = filled(MINE, PUBLIC, (ROUTE, a_route("a", name, ["s.x.com"], ["c/public"], owner=uid)))
    assert bool(foreign(cache, E)) is takes


def test_a_route_of_an_endpoint_that_has_gone_takes_the_host_until_it_is_collected() -> None:
    cache = filled(MINE, PUBLIC, (ROUTE, a_route("b", "gone", ["s.x.com"], ["c/public"], owner="gone")))
    assert foreign(cache, E) == (ref(ROUTE, "b", "gone"),)
    assert cache.drop(ref(ROUTE, "b", "gone")) == {E}


@pytest.mark.parametrize("uid", ["b-parked", "a-e", "any"])
@pytest.mark.parametrize("label", [labels.ENDPOINT, "none"])
def test_routes_named_like_a_parked_endpoint_take_the_host_whoever_is_said_to_own_them(uid: str, label: str) -> None:
    parked = (ENDPOINT, an_endpoint("b", "parked", "s.x.com", age=9) | {"status": {"waitsForHost": True}})
    cache = filled(MINE, PUBLIC, parked)
    assert foreign(cache, E) == ()
    route = a_route("b", "parked", ["s.x.com"], ["c/public"], owner=uid)
    route["metadata"]["labels"] |= {label: "parked"}
    assert cache.put(an_entry(ROUTE, route)) == {E}
    assert foreign(cache, E) == (ref(ROUTE, "b", "parked"),)
    assert cache.drop(ref(ROUTE, "b", "parked")) == {E}


def test_routes_of_another_endpoint_that_serves_take_only_what_they_name_beyond_its_host() -> None:
    other = (ENDPOINT, an_endpoint("b", "f", "z.org"))
    route = (ROUTE, a_route("b", "f", ["z.org", "s.x.com"], ["c/public"], owner="b-f"))
    cache = filled(MINE, PUBLIC, other, route)
    assert foreign(cache, E) == (ref(ROUTE, "b", "f"),)
    assert foreign(cache, ref(ENDPOINT, "b", "f")) == ()


def test_a_route_that_lost_its_owner_is_its_endpoints_to_adopt_and_to_no_other() -> None:
    orphan = a_route("a", "e", ["s.x.com"], ["c/public"])
    orphan["metadata"] |= {"annotations": {labels.MANIFEST_HASH: "abc"}}
    orphan["metadata"]["labels"] |= {labels.ENDPOINT: "e"}
    assert foreign(filled(MINE, PUBLIC, (ROUTE, orphan)), E) == ()
    first = (ENDPOINT, an_endpoint("b", "f", "s.x.com") | {"status": {"host": "s.x.com"}})
    assert foreign(filled(MINE, PUBLIC, (ROUTE, orphan), first), ref(ENDPOINT, "b", "f")) == (ref(ROUTE, "a", "e"),)


def test_own_routes_among_many_hide_no_other_one() -> None:
    own = [
        (ROUTE, a_route("a", "e", ["s.x.com"], ["e"], owner="a-e")),
        (GATEWAY, a_gateway("a", "e", ["s.x.com"], OURS, owner="a-e")),
    ]
    cache = filled(MINE, PUBLIC, *own)
    assert foreign(cache, E) == ()
    for n in range(3):
        woken = cache.put(an_entry(ROUTE, a_route("b", f"vs{n}", ["s.x.com"], ["c/public"])))
        assert (woken, bool(foreign(cache, E))) == ({E} if n == 0 else set(), True)
    for n in range(3):
        woken = cache.drop(ref(ROUTE, "b", f"vs{n}"))
    assert (woken, foreign(cache, E)) == ({E}, ())


def test_an_owner_in_another_namespace_makes_nothing_ours() -> None:
    cache = filled(MINE, PUBLIC, (ROUTE, a_route("b", "e", ["s.x.com"], ["c/public"], owner="a-e")))
    assert foreign(cache, E) == (ref(ROUTE, "b", "e"),)


def test_a_gateway_that_comes_later_or_is_unwatched_binds_what_names_it() -> None:
    route = (ROUTE, a_route("b", "vs", ["s.x.com"], ["c/public"]))
    cache = filled(MINE, route)
    assert foreign(cache, E) == ()
    assert cache.put(an_entry(*PUBLIC)) == {E}
    assert foreign(cache, E) == (ref(ROUTE, "b", "vs"),)
    assert foreign(filled(MINE, route, namespaces=("a", "b")), E) == (ref(ROUTE, "b", "vs"),)


def test_a_wildcard_out_of_which_the_administrator_gave_the_host_takes_nothing() -> None:
    wide = (GATEWAY, a_gateway("b", "gw", ["*.x.com", "*.d.com"], OURS))
    deep = (GATEWAY, a_gateway("b", "gw", ["*.in.x.com"], OURS))
    given_ = (ENDPOINT, an_endpoint("c", "e", "t.in.x.com"))
    assert foreign(filled(wide, given_), ref(ENDPOINT, "c", "e")) == ()
    assert foreign(filled(deep, given_), ref(ENDPOINT, "c", "e")) == ()
    assert foreign(filled(deep, (ENDPOINT, an_endpoint("a", "e", "t.in.x.com"))), E) == (ref(GATEWAY, "b", "gw"),)
    assert foreign(filled(wide, (ENDPOINT, an_endpoint("a", "e", ""))), E) == ()


def test_who_has_the_host_comes_first_then_who_is_new_then_who_waited() -> None:
    waits = an_endpoint("a", "e", "z.org", age=1) | {"status": {"waitsForHost": True}}
    new = an_endpoint("b", "e", "z.org", age=2)
    has = an_endpoint("b", "f", "z.org", age=3) | {"status": {"host": "z.org"}}
    cache = filled((ENDPOINT, waits), (ENDPOINT, new))
    assert (owner(cache, E), owner(cache, ref(ENDPOINT, "b", "e"))) == (ref(ENDPOINT, "b", "e"), None)
    cache.put(an_entry(ENDPOINT, has))
    assert owner(cache, E) == owner(cache, ref(ENDPOINT, "b", "e")) == ref(ENDPOINT, "b", "f")
    assert cache.drop(ref(ENDPOINT, "b", "f")) == {ref(ENDPOINT, "b", "f"), ref(ENDPOINT, "b", "e")}
    cache.drop(ref(ENDPOINT, "b", "e"))
    assert owner(cache, E) is None


def test_an_edit_of_one_of_many_endpoints_of_a_host_wakes_none_of_the_others() -> None:
    many = [an_endpoint("a", f"e{n}", "z.org", uid=f"{n}", age=1) for n in range(500)]
    cache = filled(*((ENDPOINT, obj) for obj in many))
    for obj in (many[0], many[250]):
        noted = obj["metadata"] | {"resourceVersion": "2", "annotations": {"note": "new"}}
        assert cache.put(an_entry(ENDPOINT, obj | {"metadata": noted})) == set()
    assert len(cache.drop(ref(ENDPOINT, "a", "e0"))) == len(many)


def test_a_change_of_the_first_one_wakes_strangers_only_if_they_are_first() -> None:
    strangers = [an_endpoint("b", f"e{n}", "z.org", uid=f"{n}", age=3) for n in range(9)]
    first = an_endpoint("a", "e", "z.org", age=1)
    cache = filled((ENDPOINT, first), *((ENDPOINT, obj) for obj in strangers))
    assert cache.put(an_entry(ENDPOINT, an_endpoint("c", "e", "x.com", age=0))) == {ref(ENDPOINT, "c", "e")}
    later = an_endpoint("a", "f", "z.org", age=2)
    assert cache.put(an_entry(ENDPOINT, later)) == set()
    assert cache.drop(E) == {E, ref(ENDPOINT, "a", "f")}


def test_the_log_names_who_has_the_host_which_no_status_does() -> None:
    rival = an_endpoint("b", "first", "s.x.com") | {"status": {"host": "s.x.com"}}
    cache = filled(MINE, (ENDPOINT, rival))
    world = cache.world(E, now=0.0, settings=SETTINGS)
    assert world is not None
    plan = plan_endpoint(world)
    with capture_logs() as logs:
        log_conflict(E, plan, world)
    assert [entry["by"] for entry in logs] == [["MachineLearningEndpoint b/first"]]
    assert "b/first" not in str(plan)


endpoints = st.builds(
    lambda ns, name, host, uid, age, status, leaving: (
        ENDPOINT,
        _leaving(an_endpoint(ns, name, host, uid=uid, age=age), leaving=leaving) | {"status": status},
    ),
    st.sampled_from(NAMESPACES),
    st.sampled_from(NAMES),
    st.sampled_from(("", *HOSTS)),
    st.sampled_from(("u1", "u2")),
    st.integers(0, 3),
    st.sampled_from(({}, {"waitsForHost": True}, {"host": "e.a.old.com"}, {"configVersion": "1"})),
    st.booleans(),
)
gateways = st.builds(
    lambda ns, name, hosts, selector, uid: (GATEWAY, a_gateway(ns, name, hosts, selector, owner=uid)),
    st.sampled_from(NAMESPACES),
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(PATTERNS), max_size=2),
    st.sampled_from(({}, OURS, OTHERS, {"app": "x"})),
    st.sampled_from(("", "u1", "u2")),
)
routes = st.builds(
    lambda ns, name, hosts, bound, uid: (ROUTE, a_route(ns, name, hosts, bound, owner=uid)),
    st.sampled_from(NAMESPACES),
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(PATTERNS), max_size=2),
    st.lists(st.sampled_from(("mesh", "e", "a/e", "b/f", "elsewhere/e")), max_size=2),
    st.sampled_from(("", "u1", "u2")),
)
changes = st.lists(st.tuples(st.one_of(endpoints, gateways, routes), st.integers(0, 3)), max_size=30)


def _leaving(obj: Object, *, leaving: bool) -> Object:
    return obj | {"metadata": obj["metadata"] | ({"deletionTimestamp": "2026-01-02T00:00:00Z"} if leaving else {})}


class Plain:
    """The same answers from all objects at once."""

    def __init__(self, entries: dict[Ref, Entry], namespaces: tuple[str, ...]) -> None:
        self.entries, self.namespaces = entries, namespaces

    def endpoints(self) -> Iterator[tuple[Ref, Endpoint]]:
        return ((key, entry.facts) for key, entry in self.entries.items() if isinstance(entry.facts, Endpoint))

    def owner(self, key: Ref, endpoint: Endpoint) -> Ref | None:
        host = host_of(endpoint, SETTINGS)
        same = ((precedence(e, SETTINGS), key) for key, e in self.endpoints() if host and host_of(e, SETTINGS) == host)
        first = min(((order, ref) for order, ref in same if order is not None), default=None)
        return None if first is None or first[1] == key else first[1]

    def takers(self, endpoint: Endpoint) -> set[Ref]:
        host, suffix = host_of(endpoint, SETTINGS), granted(endpoint, SETTINGS) or ""
        taken = ((key, self._taken(key, endpoint)) for key in self.entries)
        return {key for key, patterns in taken if any(_takes(pattern, host, suffix) for pattern in patterns)}

    def _taken(self, key: Ref, endpoint: Endpoint) -> tuple[str, ...]:
        entry = self.entries[key]
        if not isinstance(entry.facts, Route):
            return ()
        meta, child = endpoint.metadata, entry.facts.child
        is_named_so = (key.namespace, key.name) == (meta.namespace, meta.name)
        if is_named_so and child is not None and child.controller:
            return ()
        opened = (key,) if key.kind == GATEWAY else entry.facts.gateways
        return entry.facts.hosts if any(self._is_open(gateway) for gateway in opened) else ()

    def _is_open(self, gateway: Ref) -> bool:
        entry = self.entries.get(gateway)
        if entry is None:
            return bool(self.namespaces) and gateway.namespace not in self.namespaces
        assert isinstance(entry.facts, Route)
        return dict(entry.facts.selector).get("istio") in (None, "ingressgateway")


def _takes(pattern: str, host: str, suffix: str) -> bool:
    if not pattern.startswith("*"):
        return pattern == host
    ending = pattern[1:]
    cut_out = bool(suffix) and f".{suffix}".endswith(ending)
    return host.endswith(ending) and len(host) > len(ending) and not cut_out


@settings(max_examples=150, deadline=None)
@given(changes=changes, namespaces=st.sampled_from(((), NAMESPACES)))
def test_after_any_changes_hosts_are_whose_they_are_and_who_can_tell_was_woken(
    changes: list[tuple[tuple[str, Object], int]], namespaces: tuple[str, ...]
) -> None:
    cache, plain = Cache(SETTINGS, namespaces), Plain({}, namespaces)
    for (kind, obj), dice in changes:
        entry = an_entry(kind, obj)
        before = {key: finding(cache, key) for key, _ in plain.endpoints()}
        if dice == 0:
            plain.entries.pop(entry.ref, None)
            woken = cache.drop(entry.ref)
        else:
            plain.entries[entry.ref] = entry
            woken = cache.put(entry)
        for key, endpoint in plain.endpoints():
            assert owner(cache, key) == plain.owner(key, endpoint)
            takers = plain.takers(endpoint)
            found = foreign(cache, key)
            assert set(found) <= takers
            assert bool(found) == bool(takers)
            tells = key in before and not endpoint.metadata.deletion_timestamp
            if tells and finding(cache, key) != before[key]:
                assert key in {*woken, entry.ref}


@given(changes=changes)
def test_what_has_gone_leaves_no_trace(changes: list[tuple[tuple[str, Object], int]]) -> None:
    cache = Cache(SETTINGS)
    for (kind, obj), _ in changes:
        cache.put(an_entry(kind, obj))
    for (kind, obj), _ in changes:
        cache.drop(an_entry(kind, obj).ref)
    hosts = cache._hosts  # noqa: SLF001 - a leak shows nowhere else
    kept = chain(hosts._claimants, hosts._first, hosts._foreign._taken, hosts._foreign._takers)  # noqa: SLF001
    assert not list(kept)
    assert len(hosts._foreign._bound) == 0  # noqa: SLF001
