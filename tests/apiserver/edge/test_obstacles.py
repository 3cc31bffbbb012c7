"""What stands in the way of a write may stay for hours; when it goes, the operator continues at once all the same."""

import asyncio
import json
from collections.abc import Callable

import pytest

from mlendpoints.core.plan import Create, Plan
from mlendpoints.core.world import Ref, World
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.errors import RejectedError
from mlendpoints.edge.kube.kinds import ENDPOINT, KINDS
from tests.apiserver.edge.conftest import Connect
from tests.apiserver.edge.objects import (
    Object,
    a_service,
    allow_no_services,
    an_endpoint,
    controlled_by,
    created,
    deleted,
    ref_of,
)
from tests.apiserver.edge.test_operator import play, reported, running
from tests.kit.running_operator import RunningOperator
from tests.kit.sync_client import SyncClient
from tests.kit.waiting import until

POD = {
    "metadata": {"labels": {"app": "ep"}},
    "spec": {"containers": [{"name": "c", "image": "c"}]},
}
SPECS: dict[str, tuple[str, Object]] = {
    "Service": ("v1", {"ports": [{"name": "http", "port": 80}]}),
    "Deployment": ("apps/v1", {"selector": {"matchLabels": {"app": "ep"}}, "template": POD}),
    "DestinationRule": ("networking.istio.io/v1", {"host": "ep"}),
    "Gateway": (
        "networking.istio.io/v1",
        {
            "selector": {"istio": "elsewhere"},
            "servers": [{"hosts": ["x.org"], "port": {"name": "http", "number": 80, "protocol": "HTTP"}}],
        },
    ),
    "VirtualService": (
        "networking.istio.io/v1",
        {"hosts": ["x.org"], "http": [{"directResponse": {"status": 404}}]},
    ),
}


class Hours:
    """A clock by which an hour passes once, and then no more time: what is held back is never due again."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def an_object(kind: str, namespace: str, owner: Object | None = None) -> Object:
    version, spec = SPECS[kind]
    owners = {"ownerReferences": [controlled_by(owner)]} if owner else {}
    labels = {"app.kubernetes.io/managed-by": "mlendpoints"} if owner else {}
    metadata = {"namespace": namespace, "name": "ep", "labels": labels, **owners}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def wants(kind: str) -> Callable[[World], Plan]:
    """Each endpoint wants an object of its name, and says in its url what keeps it from it."""

    def plan(world: World) -> Plan:
        ref = Ref(kind, world.endpoint.metadata.namespace, world.endpoint.metadata.name)
        owner = {"kind": ENDPOINT.name, "metadata": {"name": ref.name, "uid": world.endpoint.metadata.uid}}
        there = ref in world.children
        writes = () if there else (Create(ref, an_object(kind, ref.namespace, owner)),)
        met = ",".join(rejection.reason for rejection in world.rejections.values())
        return Plan(writes=writes, status=reported(world, "there" if there else met))

    return plan


async def an_hour_later(
    api: Api, operator: RunningOperator, clock: Hours, write: tuple[str, str, str], reason: str
) -> None:
    """The write has been refused for an hour, and has just been tried again."""
    endpoint = await created(api, an_endpoint(operator.namespace))
    await until(lambda: operator.url("ep") == reason)
    clock.now = 3600.0
    await api.merge(ref_of(endpoint), {"metadata": {"labels": {"touched": "yes"}}})
    await until(lambda: operator.writes()[write] == 2)


@pytest.mark.parametrize("kind", sorted(SPECS))
def test_a_stranger_that_goes_after_an_hour_is_followed_at_once(connect: Connect, namespace: str, kind: str) -> None:
    async def scenario(api: Api) -> None:
        await api.create(KINDS[kind], an_object(kind, namespace))
        clock, stranger = Hours(), Ref(kind, namespace, "ep")
        async with running(connect, namespace, wants(kind), rejection_clock=clock) as operator:
            tried = ("create", kind, "409")
            await an_hour_later(api, operator, clock, tried, "NotOwned")
            looks = operator.gets(kind)
            await until(lambda: operator.gets(kind) >= looks + 2)
            assert operator.writes()[tried] == 2
            assert set(json.loads(await api.get_metadata(stranger))) == {"kind", "apiVersion", "metadata"}
            await deleted(api, stranger)
            await until(lambda: operator.url("ep") == "there")

    play(connect, scenario)


async def counted_in(api: Api, namespace: str) -> None:
    """Waits until the server's admission has learned of the quota, by a watch of its own."""
    other = a_service(namespace, "other")
    async with asyncio.timeout(20):
        while True:
            try:
                await api.create(KINDS["Service"], other)
            except RejectedError:
                return
            await deleted(api, ref_of(other))


def test_room_in_a_quota_after_an_hour_is_used_at_once(connect: Connect, namespace: str, server: SyncClient) -> None:
    quota = allow_no_services(server, namespace)

    async def scenario(api: Api) -> None:
        await counted_in(api, namespace)
        clock = Hours()
        async with running(connect, namespace, wants("Service"), rejection_clock=clock) as operator:
            await an_hour_later(api, operator, clock, ("create", "Service", "403"), "QuotaExceeded")
            server.ask("DELETE", quota).raise_for_status()
            await until(lambda: operator.url("ep") == "there")

    play(connect, scenario)
