import asyncio

from mlendpoints.api import labels
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.kinds import CLAIM, CONFIG, DEPLOYMENT, ENDPOINT, KINDS, MLMODEL, MODEL, POD, Watch
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.observe.feed import BATCH_PERIOD, Callbacks, Feed
from mlendpoints.edge.observe.progress import Progress
from mlendpoints.edge.reconcile.queue import Queue
from tests.edge.objects import (
    NAMESPACE,
    Object,
    a_config,
    a_model,
    a_model_instance,
    a_pod,
    an_endpoint,
    an_entry,
    an_mlmodel,
    an_object,
)
from tests.edge.test_cache import FULL
from tests.edge.virtual_time import elapse, now, run
from tests.kit import builders
from tests.kit.builders import some_settings

WATCHES = tuple(Watch(kind=kind) for kind in (ENDPOINT, CONFIG, MODEL, POD))


class Rig:
    """A feed that knows one endpoint and what it uses; nothing waits in its queue."""

    def __init__(self) -> None:
        self.cache = Cache(some_settings())
        self.queue = Queue()
        self.probing: set[Ref] = set()
        self.feed = Feed(
            cache=self.cache,
            queue=self.queue,
            progress=Progress(),
            watches=WATCHES,
            callbacks=Callbacks(probing=lambda: self.probing),
        )

    @classmethod
    async def filled(cls) -> "Rig":
        rig = cls()
        for kind, obj in (
            (ENDPOINT.name, an_endpoint()),
            (CONFIG.name, a_config("cfg", "rfc")),
            (MODEL.name, a_model("rfc")),
            (MODEL.name, a_model_instance()),
            (POD.name, a_pod("p")),
        ):
            rig.change(kind, obj)
        await elapse(100)
        while len(rig.queue):
            rig.queue.done(await rig.queue.get())
        return rig

    def change(self, kind: str, obj: Object, *, deleted: bool = False) -> None:
        entry = an_entry(kind, obj)
        self.feed.change(entry.ref, entry, deleted=deleted)

    async def woken(self) -> dict[str, float]:
        """Keys that come, and after how long."""
        begun, found = now(), dict[str, float]()
        await elapse(0)
        for _ in range(2):
            while len(self.queue):
                key = await self.queue.get()
                found[key.name] = now() - begun
                self.queue.done(key)
            await elapse(BATCH_PERIOD)
        return found


def with_status(obj: Object, status: Object) -> Object:
    return {**obj, "status": status}


def test_a_templates_status_wakes_nobody_but_itself_and_later() -> None:
    async def scenario() -> None:
        rig = await Rig.filled()
        rig.change(MODEL.name, with_status(a_model("rfc"), {"usedBy": ["ep"]}))
        assert await rig.woken() == {"rfc": BATCH_PERIOD}

    run(scenario())


def test_an_edited_template_wakes_its_users_at_once() -> None:
    async def scenario() -> None:
        rig = await Rig.filled()
        rig.change(MODEL.name, {**a_model("rfc"), "spec": {"image": "model:2"}})
        assert await rig.woken() == {"rfc": 0, "ep": 0}

    run(scenario())


def test_an_endpoint_is_woken_at_once_and_its_templates_together_later() -> None:
    async def scenario() -> None:
        rig = await Rig.filled()
        for generation in range(2, 5):
            rig.change(ENDPOINT.name, with_status(an_endpoint(), {"observedGeneration": generation}))
        assert await rig.woken() == {"ep": 0, "cfg": BATCH_PERIOD, "rfc": BATCH_PERIOD}

    run(scenario())


def test_a_pod_that_says_nothing_new_wakes_nobody() -> None:
    async def scenario() -> None:
        rig = await Rig.filled()
        rig.change(POD.name, {**a_pod("p"), "spec": {"nodeName": "node-1"}})
        assert await rig.woken() == {}
        rig.change(POD.name, a_pod("p", status={"conditions": [{"type": "Ready", "status": "True"}]}))
        assert await rig.woken() == {"ep": 0}

    run(scenario())


def test_the_deletion_of_a_rival_wakes_who_waits_for_its_host() -> None:
    async def scenario() -> None:
        rig = await Rig.filled()
        rival = an_endpoint("a-rival", config="none")
        rig.change(ENDPOINT.name, rival)
        await rig.woken()
        rig.change(ENDPOINT.name, rival, deleted=True)
        assert (await rig.woken())["ep"] == 0

    run(scenario())


def test_a_new_list_wakes_the_owners_of_what_vanished() -> None:
    async def scenario() -> None:
        rig = await Rig.filled()
        await rig.feed.replace(Watch(kind=POD), {}, "9")
        assert await rig.woken() == {"ep": 0}
        assert rig.cache.entry(Ref(POD.name, NAMESPACE, "p")) is None

    run(scenario())


def test_a_long_list_lets_others_run_and_is_then_seen_as_a_whole() -> None:
    """Thousands of objects that are compared without a break would delay probes, watches and the lease."""
    named = [an_entry(POD.name, an_object(f"p-{number}")) for number in range(1000)]
    entries = {entry.ref: entry for entry in named}

    async def scenario() -> None:
        rig = await Rig.filled()
        await rig.feed.replace(Watch(kind=POD), {}, "8")
        rig.feed.synced.set()
        seen = list[int]()

        async def look() -> None:
            while True:
                seen.append(sum(rig.cache.entry(ref) is not None for ref in entries))
                await asyncio.sleep(0)

        looking = asyncio.create_task(look())
        await rig.feed.replace(Watch(kind=POD), dict(entries), "9")
        looking.cancel()
        assert len(seen) >= 9
        assert set(seen) <= {0, len(entries)}
        assert all(rig.cache.entry(ref) == entry for ref, entry in entries.items())

    run(scenario())


def test_synced_means_every_watch_has_brought_its_list() -> None:
    async def scenario() -> None:
        rig = Rig()
        for watch in WATCHES:
            assert not rig.feed.synced.is_set()
            assert f"{watch.kind.plural}" in rig.feed.unsynced
            await rig.feed.replace(watch, {}, "1")
        assert rig.feed.synced.is_set()
        assert rig.feed.unsynced == []

    run(scenario())


def test_what_lost_its_owner_wakes_the_endpoint_that_it_was_made_for() -> None:
    async def scenario() -> None:
        rig = await Rig.filled()
        label = {labels.MANAGED_BY: labels.MANAGER, labels.ENDPOINT: "ep"}
        orphan = an_object("m-old", metadata={"labels": label, "annotations": {labels.MANIFEST_HASH: "abc"}})
        rig.change(DEPLOYMENT.name, orphan)
        assert await rig.woken() == {"ep": 0}
        world = rig.cache.world(Ref(ENDPOINT.name, NAMESPACE, "ep"), now=0.0, settings=builders.some_settings())
        assert world is not None
        assert [child.ref.name for child in world.orphans] == ["m-old"]
        rig.change(DEPLOYMENT.name, orphan, deleted=True)
        assert await rig.woken() == {"ep": 0}

    run(scenario())


def test_a_new_list_that_says_what_is_known_wakes_nobody() -> None:
    """Each kind is listed again every hour; with a thousand endpoints that were thousands of reconciles for nothing."""
    known = [an_entry(kind, obj) for kind, obj in FULL]
    kinds = sorted({entry.ref.kind for entry in known})

    async def scenario() -> None:
        rig = Rig()
        for _ in range(2):
            for kind in kinds:
                entries = {entry.ref: entry for entry in known if entry.ref.kind == kind}
                await rig.feed.replace(Watch(kind=KINDS[kind]), dict(entries), "9")
            woken = await rig.woken()
        assert woken == {}

    run(scenario())


def test_a_change_of_the_gateways_pods_wakes_those_that_ask_them_and_those_at_work() -> None:
    async def scenario() -> None:
        rig = await Rig.filled()
        rig.change("GatewaySlice", an_object("gw", endpoints=[{"addresses": ["10.0.0.1"]}]))
        assert await rig.woken() == {}
        probing, at_work = (Ref(ENDPOINT.name, NAMESPACE, name) for name in ("probing", "at-work"))
        rig.probing = {probing}
        rig.queue.add(at_work)
        assert await rig.queue.get() == at_work
        rig.change("GatewaySlice", an_object("gw", endpoints=[{"addresses": ["10.0.0.2"]}]))
        rig.queue.done(at_work)
        assert await rig.woken() == {"probing": 0, "at-work": 0}

    run(scenario())


def test_what_a_person_has_edited_comes_before_what_only_has_to_be_looked_at() -> None:
    async def scenario() -> None:
        rig = await Rig.filled()
        for number in range(100):
            rig.queue.add(Ref(ENDPOINT.name, NAMESPACE, f"e{number}"))
        rig.change(ENDPOINT.name, an_endpoint(generation=2))
        assert "ep" in [(await rig.queue.get()).name for _ in range(2)]

    run(scenario())


def _with_artifact(obj: Object, artifact: str) -> Object:
    return {**obj, "spec": {**obj["spec"], "artifact": artifact}}


async def _with_sources() -> Rig:
    """Two models whose artifacts lie on claims, used by an endpoint each, and an MLModel."""
    rig = await Rig.filled()
    for kind, obj in (
        (MODEL.name, _with_artifact(a_model("rfc"), "pvc://made/model")),
        (MODEL.name, _with_artifact(a_model("other"), "pvc://elsewhere/model")),
        (CONFIG.name, a_config("cfg-other", "other")),
        (ENDPOINT.name, an_endpoint("ep-other", config="cfg-other", host="other.example.com")),
        (MLMODEL.name, an_mlmodel("mlm", artifact="pvc://made/model")),
        (MLMODEL.name, an_mlmodel("mlm-other", artifact="s3://made/model")),
    ):
        rig.change(kind, obj)
    for _ in range(3):
        await rig.woken()
    return rig


def test_a_claim_that_becomes_the_operators_wakes_exactly_who_has_an_artifact_on_it() -> None:
    async def scenario() -> None:
        rig = await _with_sources()
        rig.change(CLAIM.name, an_object("made", owner="uid-unknown"))
        assert await rig.woken() == {"ep": 0, "mlm": 0, "rfc": BATCH_PERIOD}
        rig.change(CLAIM.name, an_object("made", owner="uid-unknown"), deleted=True)
        assert await rig.woken() == {"ep": 0, "mlm": 0, "rfc": BATCH_PERIOD}

    run(scenario())


def test_a_claim_that_no_artifact_lies_on_any_more_wakes_nobody() -> None:
    async def scenario() -> None:
        rig = await _with_sources()
        rig.change(MODEL.name, a_model("rfc"))
        rig.change(MLMODEL.name, an_mlmodel("mlm"))
        await rig.woken()
        rig.change(CLAIM.name, an_object("made", owner="uid-unknown"))
        assert await rig.woken() == {}

    run(scenario())
