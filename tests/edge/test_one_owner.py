"""A host has one owner at a time, and the same one while it exists, in whatever order endpoints and watches come.

An API server in miniature: what it stores, a watch for each namespace that lags
as it likes, writes that are under way, and an operator that is restarted.
"""

from collections.abc import Callable

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from mlendpoints.api.endpoint import EndpointStatus
from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.world import Ref
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.reconcile.reconciler import decide
from tests.edge.objects import Object, an_entry, an_object
from tests.kit.builders import some_settings

ENDPOINT, HOST = "MachineLearningEndpoint", "x.com"
NAMESPACES, NAMES = ("a", "b", "c"), ("e", "f")
SETTINGS = some_settings()

Event = tuple[Ref, Object | None]


class Write(Struct):
    """A status on its way to the API server, for exactly the version that was observed."""

    ref: Ref
    identity: tuple[str, str]
    status: Object


def identity(obj: Object) -> tuple[str, str]:
    return obj["metadata"]["uid"], obj["metadata"]["resourceVersion"]


class Play:
    """What has happened so far; each move is one thing that may happen next, as the dice say."""

    def __init__(self) -> None:
        self.now, self.version = 1.8e9, 0
        self.stored: dict[Ref, Object] = {}
        self.unseen: dict[str, list[Event]] = {}
        self.writes: list[Write] = []
        self.owner = ""  # its uid
        self.cache = Cache(SETTINGS)
        self.restart(0)

    def create(self, dice: int) -> None:
        """Many of them in the same second; mostly shown at once."""
        ref = Ref(ENDPOINT, NAMESPACES[dice % 3], NAMES[dice // 3 % 2])
        if ref not in self.stored:
            age = f"2026-01-01T00:00:{int(self.now / 60) % 60:02}Z"
            meta = {"namespace": ref.namespace, "uid": f"u{self.version}", "creationTimestamp": age}
            self.store(ref, an_object(ref.name, metadata=meta, spec={"config": "cfg", "host": HOST}))
        if dice % 4:
            self.watch(dice)

    def delete(self, dice: int) -> None:
        """One that has its host lingers, since its routes have to go first."""
        if not self.stored:
            return
        ref = sorted(self.stored)[dice % len(self.stored)]
        obj = self.stored[ref]
        if obj.get("status", {}).get("host") and not obj["metadata"].get("deletionTimestamp"):
            self.store(ref, obj | {"metadata": obj["metadata"] | {"deletionTimestamp": "2026-01-02T00:00:00Z"}})
        else:
            self.store(ref, None)

    def store(self, ref: Ref, obj: Object | None) -> None:
        self.version += 1
        if obj is None:
            del self.stored[ref]
        else:
            self.stored[ref] = obj | {"metadata": obj["metadata"] | {"resourceVersion": str(self.version)}}
        self.unseen[ref.namespace].append((ref, self.stored.get(ref)))

    def wait(self, dice: int) -> None:
        self.now += 61.0 if dice % 2 else 1.0

    def watch(self, dice: int) -> None:
        events = self.unseen[NAMESPACES[dice % 3]]
        count = 1 if dice % 4 == 0 else len(events)
        seen, events[:] = events[:count], events[count:]
        for ref, obj in seen:
            self.show(ref, obj)

    def list_again(self, dice: int) -> None:
        """A broken watch shows only how it has ended; what has come and gone in between is never seen."""
        namespace = NAMESPACES[dice % 3]
        self.unseen[namespace].clear()
        for ref in self.cache.endpoints():
            if ref.namespace == namespace and ref not in self.stored:
                self.show(ref, None)
        for ref, obj in sorted(self.stored.items()):
            if ref.namespace == namespace:
                self.show(ref, obj)

    def show(self, ref: Ref, obj: Object | None) -> None:
        if obj is None:
            self.cache.drop(ref)
        else:
            self.cache.put(an_entry(ENDPOINT, obj))

    def restart(self, dice: int) -> None:
        """What was under way has arrived or is lost; the next one knows what it lists, in whatever order."""
        for _ in range(len(self.writes)):
            self.end_write(dice)
        self.cache = Cache(SETTINGS)
        self.unseen = {namespace: [] for namespace in NAMESPACES}
        for ref, obj in sorted(self.stored.items(), reverse=dice % 3 == 0):
            self.show(ref, obj)

    def work(self, dice: int) -> None:
        """Workers take up every endpoint that none of them is at."""
        at_work = {write.ref for write in self.writes}
        for ref in sorted(set(self.cache.endpoints()) - at_work, reverse=dice % 2 == 0):
            world = self.cache.world(ref, now=self.now, settings=SETTINGS)
            assert world is not None
            plan = decide(self.cache, ref, world, plan_endpoint)
            if plan.status is not None:
                meta = world.endpoint.metadata
                self.writes.append(Write(ref, (meta.uid, meta.resource_version), _as_stored(plan.status)))

    def end_write(self, dice: int) -> None:
        """It arrives, mostly; a timeout, and nobody knows."""
        if not self.writes:
            return
        write = self.writes.pop(dice % len(self.writes))
        stored = self.stored.get(write.ref)
        if dice % 4 and stored is not None and identity(stored) == write.identity:
            self.store(write.ref, stored | {"status": write.status})

    def check(self) -> None:
        owners = [obj["metadata"]["uid"] for obj in self.stored.values() if obj.get("status", {}).get("host")]
        assert len(owners) <= 1, "the host has two owners"
        alive = {obj["metadata"]["uid"] for obj in self.stored.values()}
        assert self.owner not in alive or owners == [self.owner], "the host has lost its owner"
        self.owner = owners[0] if owners else ""


def _as_stored(status: EndpointStatus) -> Object:
    stored: Object = msgspec.json.decode(msgspec.json.encode(status))
    return stored


OFTEN = (Play.create, Play.watch, Play.work, Play.end_write)
SELDOM = (Play.wait, Play.delete, Play.list_again, Play.restart)
moves = st.tuples(st.sampled_from((*OFTEN * 5, *SELDOM)), st.integers(0, 11))


@settings(max_examples=250)
@given(moves=st.lists(moves, min_size=40, max_size=40))
def test_a_host_has_one_owner_at_a_time_and_the_same_while_it_exists(
    moves: list[tuple[Callable[[Play, int], None], int]],
) -> None:
    play = Play()
    for move, dice in moves:
        move(play, dice)
        play.check()
