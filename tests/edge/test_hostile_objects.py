"""Whatever one tenant writes, the others' objects are followed, and no loop ends."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mlendpoints.core.world import Child, Ref, World
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.kinds import KINDS, Kind, Watch, make_watches
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.observe.feed import Callbacks, Feed
from mlendpoints.edge.observe.indexers import IndexKey
from mlendpoints.edge.observe.owners import keys_for
from mlendpoints.edge.observe.progress import Progress
from mlendpoints.edge.observe.projections import Entry, decode
from mlendpoints.edge.observe.reflector import Reflector
from mlendpoints.edge.reconcile.queue import Queue
from tests.edge.hostile import DEEP, GOOD, HOSTILE, an_owner, events
from tests.edge.objects import NAMESPACE, Object, a_model_instance, an_entry, an_object, filled
from tests.edge.scripted import Exchange, Script, played
from tests.edge.test_cache import FULL, mlmodel_world, world
from tests.edge.test_reflector import TIMEOUTS
from tests.kit.builders import some_settings
from tests.kit.waiting import until

Event = tuple[str, str, bytes]
WATCHES = tuple(Watch(kind=KINDS[name]) for name in GOOD if name not in ("GatewayService", "GatewaySlice"))
LAST = "last"  # the object that ends every watch


class Hostile:
    """An API server with the objects of a good tenant, and with whatever a hostile one has put beside them."""

    def __init__(self, listed: list[Event], watched: list[Event]) -> None:
        self.lists: defaultdict[str, list[bytes]] = defaultdict(list)
        self.watches: defaultdict[str, list[bytes]] = defaultdict(list)
        for kind, _, raw in listed:
            self.lists[KINDS[kind].path()].append(raw)
        for kind, type_, raw in watched:
            self.watches[KINDS[kind].path()].append(b'{"type":"%s","object":%s}\n' % (type_.encode(), raw))
        for kind, obj in FULL:
            self.lists[KINDS[kind].path()].append(json.dumps(obj).encode())
        for watch in WATCHES:
            last = json.dumps({"type": "ADDED", "object": the_last(watch.kind)}).encode()
            self.watches[watch.kind.path()].append(last + b"\n")

    async def answer(self, exchange: Exchange) -> None:
        if "watch" not in exchange.query:
            items = b",".join(self.lists[exchange.path])
            await exchange.say_raw(b'{"metadata":{"resourceVersion":"1"},"items":[%s]}' % items)
            return
        await exchange.begin()
        for line in self.watches[exchange.path]:
            await exchange.send_raw(line)


def the_last(kind: Kind) -> Object:
    return GOOD[kind.name][0]() | {"metadata": an_object(LAST)["metadata"]}


class Following:
    """Reflectors of all kinds, and what they have brought."""

    def __init__(self, api: Api) -> None:
        self.cache, self.skipped = Cache(some_settings(), clock=lambda: 0.0), Counter[str]()
        self.feed = Feed(
            cache=self.cache,
            queue=Queue(),
            progress=Progress(),
            watches=WATCHES,
            callbacks=Callbacks(count_skipped=lambda kind: self.skipped.update([kind])),
        )
        self.reflectors = [Reflector(api=api, watch=watch, feed=self.feed, timeouts=TIMEOUTS) for watch in WATCHES]

    def has_seen_all(self) -> bool:
        """Also what the tenant could not spoil: the last object of each watch."""
        return all(self.cache.entry(Ref(watch.kind.name, NAMESPACE, LAST)) for watch in WATCHES)


@asynccontextmanager
async def following(listed: list[Event], watched: list[Event]) -> AsyncIterator[Following]:
    server = Hostile(listed, watched)
    async with played(Script(server.answer)) as api:
        follower = Following(api)
        tasks = [asyncio.create_task(reflector.run()) for reflector in follower.reflectors]
        try:
            await until(lambda: follower.has_seen_all() or any(task.done() for task in tasks))
            assert [task.exception() for task in tasks if task.done()] == []
            yield follower
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def indexed(cache: Cache) -> dict[IndexKey, set[Ref]]:
    index = cache._index  # noqa: SLF001 - a leak shows nowhere else
    return {key: set(index.of(key)) for key in index}


def without_others(found: World) -> World:
    """Who else names the host is the one thing that a tenant may add to another's world."""
    return replace(found, host_owner=None, foreign_routes=())


def test_every_kind_that_is_watched_may_be_hostile() -> None:
    watches = make_watches(namespaces=(), gateway_service="istio/gw", volumes=True, network_policies=True)
    assert set(GOOD) == {watch.kind.name for watch in watches}


def good_worlds(cache: Cache) -> tuple[World, object]:
    for watch in WATCHES:
        cache.drop(Ref(watch.kind.name, NAMESPACE, LAST))
    return without_others(world(cache)), mlmodel_world(cache)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    listed=st.lists(events().filter(lambda event: event[0] in {watch.kind.name for watch in WATCHES}), max_size=8),
    watched=st.lists(events().filter(lambda event: event[0] in {watch.kind.name for watch in WATCHES}), max_size=8),
)
def test_whatever_a_tenant_writes_the_others_worlds_stay_as_they_are(listed: list[Event], watched: list[Event]) -> None:
    async def scenario() -> None:
        async with following(listed, watched) as follower:
            assert good_worlds(follower.cache) == good_worlds(filled(*FULL))

    asyncio.run(scenario())


def decoded(kind: str, raw: bytes) -> Entry | None:
    try:
        return decode(kind, raw)
    except Exception:  # noqa: BLE001 - what it cannot be read as is the other test's
        return None


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(batch=st.lists(events(), max_size=30))
def test_the_cache_forgets_hostile_objects_without_a_trace(batch: list[Event]) -> None:
    """An index that one object can spoil shows the wrong things to all."""
    cache, bare = filled(*FULL), filled(*FULL)
    for kind, type_, raw in batch:
        entry = decoded(kind, raw)
        if entry is not None:
            keys_for(cache, entry)
            cache.drop(entry.ref) if type_ == "DELETED" else cache.put(entry)
    for kind in GOOD:
        for ref in cache.refs(Watch(kind=KINDS[kind], namespace=HOSTILE)):
            cache.drop(ref)
    assert indexed(cache) == indexed(bare)


def of_tenant(kind: Kind, obj: Object, **metadata: object) -> Event:
    whole = obj | {"metadata": obj["metadata"] | {"namespace": HOSTILE, **metadata}}
    return kind.name, "MODIFIED", json.dumps(whole).encode()


def instance(name: str, owner: str) -> Event:
    return of_tenant(kinds.MODEL, a_model_instance(name, owner=owner), uid=f"uid-{name}")


def a_route(*hosts: str) -> Event:
    return of_tenant(kinds.VIRTUAL_SERVICE, an_object("r", metadata={"labels": {}}, spec={"hosts": hosts}))


def deep(kind: Kind, obj: Object) -> Event:
    raw = of_tenant(kind, obj)[2]
    return kind.name, "MODIFIED", raw.removesuffix(b"}") + b',"status":' + b'{"a":' * DEEP + b"1" + b"}" * (DEEP + 1)


CIRCLE = [instance("i", "uid-j"), instance("j", "uid-i"), instance("i", "uid-j"), instance("k", "uid-k")]
TWICE = [a_route("x.example.com", "x.example.com"), a_route("x.example.com"), a_route()]
DEEP_ROUTE = [deep(kinds.VIRTUAL_SERVICE, an_object("r", metadata={"labels": {}}, spec={"hosts": ["x.example.com"]}))]
NOT_JSON = [(kinds.MODEL.name, "ADDED", b'{"metadata":{"name":"\xff","resourceVersion":"1"}}')]


@pytest.mark.parametrize("batch", [CIRCLE, TWICE, DEEP_ROUTE, NOT_JSON], ids=["circle", "twice", "deep", "not JSON"])
def test_what_once_ended_the_operator_ends_nothing(batch: list[Event]) -> None:
    async def scenario() -> None:
        async with following(batch, batch) as follower:
            assert good_worlds(follower.cache) == good_worlds(filled(*FULL))

    asyncio.run(scenario())


def test_a_route_that_is_nested_deeply_still_names_its_hosts() -> None:
    async def scenario() -> None:
        async with following(DEEP_ROUTE, []) as follower:
            assert follower.cache.entry(Ref(kinds.VIRTUAL_SERVICE.name, HOSTILE, "r")) is not None
            assert follower.skipped == Counter()

    asyncio.run(scenario())


def test_what_is_skipped_is_counted_by_kind() -> None:
    strange = of_tenant(kinds.MODEL, an_object("m", spec={"image": ["not", "a", "name"]}))

    async def scenario() -> None:
        async with following([strange], [strange, strange]) as follower:
            assert follower.skipped == {kinds.MODEL.name: 3}

    asyncio.run(scenario())


def test_a_child_counts_in_the_namespace_of_its_owner_only() -> None:
    """Whoever knows the uid of somebody's endpoint cannot hold up its deletion by a child with a finalizer."""
    metadata = {"namespace": HOSTILE, "ownerReferences": [an_owner("uid-ep")], "finalizers": ["example.com/never"]}
    for kind in (kinds.SERVICE, kinds.MODEL):
        cache = filled(*FULL)
        claimed = an_entry(
            kind.name, GOOD[kind.name][-1]() | {"metadata": an_object("x", metadata=metadata)["metadata"]}
        )
        cache.put(claimed)
        assert keys_for(cache, claimed) == set()
        assert world(cache) == world(filled(*FULL))


def test_an_instance_of_an_instance_is_nobodys() -> None:
    cache = filled(*FULL, ("MachineLearningModel", a_model_instance("nested", owner="uid-rfc-1")))
    nested = Ref("MachineLearningModel", NAMESPACE, "nested")
    assert nested not in world(cache).children
    child = an_entry("Deployment", an_object("nested", owner="uid-nested", spec={"replicas": 1}))
    assert isinstance(child.facts, Child)
    assert keys_for(cache, child) == set()
