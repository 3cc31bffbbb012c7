import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mlendpoints.core.world import Child
from mlendpoints.edge.kube.client import PAGE, Api
from mlendpoints.edge.kube.errors import GoneError
from mlendpoints.edge.kube.kinds import MODEL, SERVICE, Watch
from mlendpoints.edge.metrics import Metrics
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.observe.feed import Feed
from mlendpoints.edge.observe.progress import Progress
from mlendpoints.edge.observe.reflector import Reflector
from mlendpoints.edge.reconcile.expectations import Expectations
from mlendpoints.edge.reconcile.queue import Queue
from tests.apiserver.edge.conftest import Connect
from tests.apiserver.edge.objects import a_model, a_service, an_endpoint, created, observed, ref_of
from tests.kit.builders import some_settings
from tests.kit.waiting import until

MANY = 1200
AT_ONCE = 32


class Following:
    """A reflector at work on the real API server."""

    def __init__(self, api: Api, watch: Watch, metrics: Metrics) -> None:
        self.api = api
        self.watch = watch
        self.metrics = metrics
        self.cache = Cache(some_settings())
        self.progress = Progress()
        self.expectations = Expectations(cache=self.cache, progress=self.progress, clock=lambda: 0.0)
        self.feed = Feed(cache=self.cache, queue=Queue(), progress=self.progress, watches=(watch,))

    def names(self) -> set[str]:
        return {ref.name for ref in self.cache.refs(self.watch)}

    def requests(self, verb: str) -> float:
        counter = self.metrics.requests.labels(verb, self.watch.kind.name, "200")
        value: float = counter._value.get()  # noqa: SLF001 - a counter's value
        return value

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        task = asyncio.create_task(Reflector(api=self.api, watch=self.watch, feed=self.feed).run())
        await self.feed.synced.wait()
        yield
        task.cancel()


@asynccontextmanager
async def following(connect: Connect, watch: Watch) -> AsyncIterator[Following]:
    metrics = Metrics()
    api = connect(metrics)
    yield Following(api, watch, metrics)
    await api.close()


async def create_many(api: Api, namespace: str, count: int) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def create(number: int) -> None:
        async with gate:
            await api.create(MODEL, a_model(namespace, f"model-{number}"))

    await asyncio.gather(*(create(number) for number in range(count)))


def test_a_list_of_many_objects_comes_in_pages_and_whole(connect: Connect, namespace: str) -> None:
    async def scenario() -> None:
        async with following(connect, Watch(kind=MODEL, namespace=namespace)) as follower:
            await create_many(follower.api, namespace, MANY)
            async with follower.at_work():
                assert follower.names() == {f"model-{number}" for number in range(MANY)}
                assert follower.requests("list") == math.ceil(MANY / PAGE)

    asyncio.run(scenario())


def test_changes_of_all_sorts_arrive(connect: Connect, namespace: str) -> None:
    async def scenario() -> None:
        async with following(connect, Watch(kind=MODEL, namespace=namespace)) as follower, follower.at_work():
            await follower.api.create(MODEL, a_model(namespace, "a"))
            await until(lambda: follower.names() == {"a"})
            before = follower.cache.template(ref_of(a_model(namespace, "a")))
            await follower.api.merge(ref_of(a_model(namespace, "a")), {"spec": {"image": "model:2"}})
            await until(lambda: follower.cache.template(ref_of(a_model(namespace, "a"))) != before)
            deleted = await created(follower.api, a_model(namespace, "b"))
            await until(lambda: follower.names() == {"a", "b"})
            meta = deleted["metadata"]
            await follower.api.delete(
                Child(ref=ref_of(deleted), uid=meta["uid"], resource_version=meta["resourceVersion"])
            )
            await until(lambda: follower.names() == {"a"})

    asyncio.run(scenario())


def test_only_labelled_objects_are_followed(connect: Connect, namespace: str) -> None:
    async def scenario() -> None:
        watch = Watch(kind=SERVICE, namespace=namespace, label_selector="app.kubernetes.io/managed-by=mlendpoints")
        async with following(connect, watch) as follower, follower.at_work():
            foreign = a_service(namespace, "foreign")
            foreign["metadata"]["labels"] = {}
            await follower.api.create(SERVICE, foreign)
            await follower.api.create(SERVICE, a_service(namespace, "ours"))
            await until(lambda: bool(follower.names()))
            assert follower.names() == {"ours"}

    asyncio.run(scenario())


def test_a_version_from_before_the_kind_was_there_is_gone(connect: Connect, namespace: str) -> None:
    async def scenario() -> None:
        async with following(connect, Watch(kind=MODEL, namespace=namespace)) as follower:
            events = follower.api.watch(follower.watch, since="1", seconds=5, silence=10)
            with pytest.raises(GoneError):
                async for _ in events:
                    pass

    asyncio.run(scenario())


def test_a_keys_own_write_is_seen_before_it_is_planned_again(connect: Connect, namespace: str) -> None:
    async def scenario() -> None:
        async with following(connect, Watch(kind=SERVICE, namespace=namespace)) as follower, follower.at_work():
            manifest = a_service(namespace)
            key = ref_of(an_endpoint(namespace))
            left = (await follower.api.create(SERVICE, manifest)).metadata
            follower.expectations.expect(key, ref_of(manifest), uid=left.uid, resource_version=left.resource_version)
            await until(lambda: follower.expectations.are_met(key))
            assert follower.names() == {"s"}
            child = await observed(follower.api, ref_of(manifest))
            await follower.api.delete(child)
            follower.expectations.expect(key, child.ref, uid=child.uid)
            await until(lambda: follower.expectations.are_met(key))
            assert follower.names() == set()

    asyncio.run(scenario())


def test_a_foreign_edit_takes_a_field_out_of_ours(connect: Connect, namespace: str) -> None:
    async def scenario() -> None:
        api = connect(Metrics())
        manifest = a_service(namespace, sessionAffinity="None", owner=await created(api, an_endpoint(namespace)))
        await api.create(SERVICE, manifest)
        before = await observed(api, ref_of(manifest))
        body = b'{"spec":{"sessionAffinity":"ClientIP"}}'
        path = SERVICE.path(namespace, "s")
        headers = {"Content-Type": "application/merge-patch+json"}
        response = await api._session.patch(path[1:], data=body, headers=headers, params={"fieldManager": "kubectl"})  # noqa: SLF001 - as somebody else
        response.raise_for_status()
        after = await observed(api, ref_of(manifest))
        assert "f:sessionAffinity" in before.fields
        assert "f:sessionAffinity" not in after.fields
        assert "f:ports" in after.fields
        assert "ownerReferences" not in before.fields
        assert before.written > 0
        await api.close()

    asyncio.run(scenario())
