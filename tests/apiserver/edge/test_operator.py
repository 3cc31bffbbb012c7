"""The whole loop with decisions of the tests' own, on the real API server."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import msgspec
import pytest
from aiohttp import ClientHandlerType, ClientMiddlewareType, ClientRequest, ClientResponse

from mlendpoints.api.endpoint import EndpointStatus
from mlendpoints.api.endpointconfig import EndpointConfigStatus
from mlendpoints.api.model import ModelStatus
from mlendpoints.core.plan import Create, Event, MLModelPlan, Plan
from mlendpoints.core.world import Child, Measure, Ref, World
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.errors import NotFoundError
from mlendpoints.edge.kube.kinds import ENDPOINT, EVENT, Watch
from mlendpoints.edge.metrics import Metrics
from mlendpoints.edge.reconcile.parts import Plans
from tests.apiserver.edge.conftest import Connect
from tests.apiserver.edge.objects import Object, a_service, an_endpoint, created, deleted, observed, read, ref_of
from tests.kit.running_operator import RunningOperator, running_operator
from tests.kit.waiting import until

Decision = Callable[[World], Plan]
Scenario = Callable[[Api], Awaitable[None]]


def service_of(world: World) -> Ref:
    return Ref("Service", world.endpoint.metadata.namespace, world.endpoint.metadata.name)


def wanted(world: World) -> Create:
    ref = service_of(world)
    owner = {"kind": ENDPOINT.name, "metadata": {"name": ref.name, "uid": world.endpoint.metadata.uid}}
    return Create(ref, a_service(ref.namespace, ref.name, owner=owner))


def reported(world: World, state: str) -> EndpointStatus | None:
    status = EndpointStatus(observed_generation=1, url=state)
    return None if status == world.endpoint.status else status


def one_service(world: World) -> Plan:
    """Each endpoint wants a Service of its name, and says in its url whether it is there."""
    there = service_of(world) in world.children
    return Plan(writes=() if there else (wanted(world),), status=reported(world, "there" if there else "missing"))


def _no_config(_world: object) -> EndpointConfigStatus | None:
    return None


def _no_model(_world: object) -> ModelStatus | None:
    return None


def _no_mlmodel(_world: object) -> MLModelPlan:
    return MLModelPlan()


def running(
    connect: Connect,
    namespace: str,
    decision: Decision,
    *middlewares: ClientMiddlewareType,
    rejection_clock: Callable[[], float] = time.monotonic,
) -> AbstractAsyncContextManager[RunningOperator]:
    """An operator at work in one namespace, with a decision of the test's own."""
    metrics = Metrics()
    api = connect(metrics, *middlewares)
    plans = Plans(endpoint=decision, config=_no_config, model=_no_model, mlmodel=_no_mlmodel)
    return running_operator(api, metrics, namespace, plans=plans, rejection_clock=rejection_clock)


def has_waited_since(operator: RunningOperator, waits: float) -> bool:
    return operator.reconciles("waiting") > waits


def play(connect: Connect, scenario: Scenario) -> None:
    async def played() -> None:
        api = connect(Metrics())
        try:
            await scenario(api)
        finally:
            await api.close()

    asyncio.run(played())


def test_each_endpoint_is_made_with_as_many_writes_as_it_needs(connect: Connect, namespace: str) -> None:
    names = [f"ep-{number}" for number in range(50)]

    async def scenario(api: Api) -> None:
        async with running(connect, namespace, one_service) as operator:
            await asyncio.gather(*(api.create(ENDPOINT, an_endpoint(namespace, name)) for name in names))
            needed = {("create", "Service", "201"): 50, ("patch", ENDPOINT.name, "200"): 100}
            await until(lambda: all(operator.url(name) == "there" for name in names))
            await until(lambda: operator.writes().total() >= sum(needed.values()))
            assert operator.writes() == needed

    play(connect, scenario)


def test_when_nothing_is_to_be_done_nothing_is_written_or_read(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api) -> None:
        async with running(connect, namespace, one_service) as operator:
            endpoint = await created(api, an_endpoint(namespace))
            made = {("create", "Service", "201"): 1, ("patch", ENDPOINT.name, "200"): 2}
            await until(lambda: operator.url("ep") == "there" and operator.writes() == made)
            before, reconciles = operator.writes(), operator.reconciles()
            await api.merge(ref_of(endpoint), {"metadata": {"labels": {"touched": "yes"}}})
            await until(lambda: operator.reconciles() > reconciles)
            assert operator.writes() == before

    play(connect, scenario)


def test_what_is_deleted_by_hand_is_made_again(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api) -> None:
        async with running(connect, namespace, one_service) as operator:
            await api.create(ENDPOINT, an_endpoint(namespace))
            await until(lambda: operator.url("ep") == "there")
            service = await observed(api, Ref("Service", namespace, "ep"))
            await api.delete(service)
            await until(lambda: operator.writes()[("create", "Service", "201")] == 2)
            await until(lambda: operator.url("ep") == "there")
            assert (await observed(api, service.ref)).uid != service.uid

    play(connect, scenario)


class Held:
    """Lets no list (else no watch) of one kind through before ``let_through``."""

    def __init__(self, plural: str, *, watches: bool) -> None:
        self.plural, self.watches = plural, watches
        self.let_through = asyncio.Event()

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        is_watch = "watch" in request.url.query
        if request.url.path.endswith(f"/{self.plural}") and request.method == "GET" and is_watch == self.watches:
            await self.let_through.wait()
        return await handler(request)


@pytest.mark.parametrize("late", ["services", "pods", "virtualservices", "machinelearningmodels"])
def test_nothing_is_decided_before_every_kind_is_there(connect: Connect, namespace: str, late: str) -> None:
    planned: list[World] = []

    def note(world: World) -> Plan:
        planned.append(world)
        return Plan()

    async def scenario(api: Api) -> None:
        await api.create(ENDPOINT, an_endpoint(namespace))
        held = Held(late, watches=False)
        async with running(connect, namespace, note, held) as operator:
            await until(lambda: {words.split()[0] for words in operator.operator.engine.feed.unsynced} == {late})
            assert operator.operator.pages()["/readyz"]().code == 503
            assert (planned, operator.operator.lease.is_held) == ([], False)
            held.let_through.set()
            await until(lambda: bool(planned))
            assert operator.operator.pages()["/readyz"]().code == 200

    play(connect, scenario)


def test_what_was_written_is_not_written_again_before_it_is_seen(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api) -> None:
        held = Held("services", watches=True)
        async with running(connect, namespace, one_service, held) as operator:
            endpoint = await created(api, an_endpoint(namespace))
            await until(lambda: operator.writes()[("create", "Service", "201")] == 1)
            for number in range(3):
                waits = operator.reconciles("waiting")
                await api.merge(ref_of(endpoint), {"metadata": {"labels": {"touched": str(number)}}})
                await until(partial(has_waited_since, operator, waits))
            assert operator.writes()[("create", "Service", "409")] == 0
            held.let_through.set()
            await until(lambda: operator.url("ep") == "there")

    play(connect, scenario)


def test_what_a_plan_measures_comes_back_into_the_world(connect: Connect, namespace: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nup 1\n")
        await writer.drain()
        writer.close()

    async def scenario(api: Api) -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        wanted_from = Measure("pod", "127.0.0.1", server.sockets[0].getsockname()[1], "up")

        def plan(world: World) -> Plan:
            found = world.measurements.get(wanted_from)
            return Plan(
                status=reported(world, f"up {found.value:g}" if found and found.value is not None else "unmeasured"),
                measures=(wanted_from,),
            )

        async with server, running(connect, namespace, plan) as operator:
            await api.create(ENDPOINT, an_endpoint(namespace))
            await until(lambda: operator.url("ep") == "up 1")

    play(connect, scenario)


def test_a_refusal_comes_back_into_the_world_and_makes_no_storm(connect: Connect, namespace: str) -> None:
    def plan(world: World) -> Plan:
        found = [rejection.reason for rejection in world.rejections.values()]
        return Plan(writes=(wanted(world),), status=reported(world, ",".join(found)), recheck=world.now + 0.2)

    async def scenario(api: Api) -> None:
        foreign = await created(api, a_service(namespace, "ep"))
        async with running(connect, namespace, plan) as operator:
            endpoint = await created(api, an_endpoint(namespace))
            await until(lambda: operator.url("ep") == "NotOwned")
            reconciles = operator.reconciles()
            await until(lambda: operator.reconciles() > reconciles + 3)
            assert operator.writes()[("create", "Service", "409")] == 1
            assert await read(api, ref_of(foreign)) == foreign
            assert (await read(api, ref_of(endpoint)))["status"]["url"] == "NotOwned"

    play(connect, scenario)


def test_an_endpoint_that_meets_a_bug_stops_no_other(connect: Connect, namespace: str) -> None:
    def plan(world: World) -> Plan:
        if world.endpoint.metadata.name == "cursed":
            raise ZeroDivisionError
        return one_service(world)

    async def scenario(api: Api) -> None:
        async with running(connect, namespace, plan) as operator:
            await api.create(ENDPOINT, an_endpoint(namespace, "cursed"))
            await until(lambda: operator.reconciles("bug") >= 3)
            await api.create(ENDPOINT, an_endpoint(namespace, "ep"))
            await until(lambda: operator.url("ep") == "there")

    play(connect, scenario)


def test_the_next_operator_takes_over_at_once_after_a_clean_stop(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api) -> None:
        async with running(connect, namespace, one_service) as first:
            await api.create(ENDPOINT, an_endpoint(namespace, "a"))
            await until(lambda: first.url("a") == "there")
            async with running(connect, namespace, one_service) as second:
                await until(second.operator.engine.feed.synced.is_set)
                assert not second.operator.lease.is_held
                first.operator.stop()
                await until(lambda: second.operator.lease.is_held)
                await api.create(ENDPOINT, an_endpoint(namespace, "b"))
                await until(lambda: second.url("b") == "there")
                assert second.writes()[("create", "Service", "201")] == 1

    play(connect, scenario)


def test_an_event_is_posted_on_the_endpoint(connect: Connect, namespace: str) -> None:
    def plan(world: World) -> Plan:
        status = reported(world, "told")
        return Plan(status=status, events=(Event("Normal", "Succeeded", "It is done."),) if status else ())

    async def scenario(api: Api) -> None:
        async with running(connect, namespace, plan) as operator:
            endpoint = await created(api, an_endpoint(namespace))
            await until(lambda: operator.writes()[("create", EVENT.name, "201")] == 1)
            (page,) = [page async for page in api.pages(Watch(kind=EVENT, namespace=namespace))]
            (event,) = (decoded(raw) for raw in page.items)
            assert event["regarding"]["uid"] == endpoint["metadata"]["uid"]
            assert (event["reason"], event["note"], event["type"]) == ("Succeeded", "It is done.", "Normal")

    play(connect, scenario)


def decoded(raw: msgspec.Raw) -> Object:
    obj: Object = msgspec.json.decode(raw)
    return obj


def test_nothing_is_pruned_when_the_route_is_no_longer_the_observed_one(connect: Connect, namespace: str) -> None:
    def plan(world: World) -> Plan:
        service = world.children.get(service_of(world))
        absent = Child(ref=Ref("VirtualService", namespace, "ep"), uid="u", resource_version="1")
        return Plan(prune=(service,), precondition=absent) if service else one_service(world)

    async def scenario(api: Api) -> None:
        async with running(connect, namespace, plan) as operator:
            await api.create(ENDPOINT, an_endpoint(namespace))
            await until(lambda: operator.reconciles("conflict") >= 3)
            assert operator.writes()[("delete", "Service", "200")] == 0
            await api.get(Ref("Service", namespace, "ep"))

    play(connect, scenario)


def test_what_goes_together_with_the_finalizer_is_deleted_without_a_read(connect: Connect, namespace: str) -> None:
    def plan(world: World) -> Plan:
        service = world.children.get(service_of(world))
        if world.endpoint.metadata.deletion_timestamp:
            return Plan(prune=(service,) if service else (), finalizer=False)
        return one_service(world) if world.endpoint.metadata.finalizers else Plan(finalizer=True)

    async def scenario(api: Api) -> None:
        async with running(connect, namespace, plan) as operator:
            endpoint = await created(api, an_endpoint(namespace))
            await until(lambda: operator.url("ep") == "there")
            await deleted(api, ref_of(endpoint))
            await until(lambda: operator.url("ep") == "absent")
            assert operator.writes()[("delete", "Service", "200")] == 1
            assert operator.gets("VirtualService") == 0

    play(connect, scenario)


def test_an_endpoint_leaves_once_its_finalizer_is_taken_off(connect: Connect, namespace: str) -> None:
    def plan(world: World) -> Plan:
        metadata = world.endpoint.metadata
        if metadata.deletion_timestamp:
            return Plan(finalizer=False)
        return Plan(status=reported(world, "held")) if metadata.finalizers else Plan(finalizer=True)

    async def scenario(api: Api) -> None:
        async with running(connect, namespace, plan) as operator:
            endpoint = await created(api, an_endpoint(namespace))
            await until(lambda: operator.url("ep") == "held")
            await deleted(api, ref_of(endpoint))
            await until(lambda: operator.url("ep") == "absent")
            with pytest.raises(NotFoundError):
                await api.get(ref_of(endpoint))

    play(connect, scenario)
