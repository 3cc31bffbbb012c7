"""The whole operator with its real decisions, on the real API server, beside a tenant that writes what it likes."""

import asyncio
import json
import re
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from msgspec import Struct

from mlendpoints.api import labels
from mlendpoints.api.policy import OPERATOR
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.kinds import KINDS
from mlendpoints.edge.metrics import Metrics
from tests.apiserver.api.conftest import may_do_everything
from tests.apiserver.edge.hostile import STORED, hostile_objects
from tests.apiserver.edge.objects import Object, of_ours
from tests.kit.client import IN_FLIGHT, Client, RequestError, connected
from tests.kit.running_operator import RunningOperator, running_operator
from tests.kit.sync_client import SyncClient
from tests.kit.waiting import until
from tests.sweep.neighbour import Neighbour

MANY = 500
VERSION = re.compile("-[a-z0-9]{8}$")  # another one for each object's uid
TRIES = 1250  # what the API server rejects is not counted
NOTHING = Counter[str]()  # is unreadable of what the schemas of the API server let through
TIMEOUT = 50  # seconds
ROUTES = (kinds.GATEWAY, kinds.VIRTUAL_SERVICE, kinds.DESTINATION_RULE)
MADE = (kinds.MODEL, kinds.CONFIG, kinds.DEPLOYMENT, kinds.SERVICE, *ROUTES)
UNLABELLED = {kinds.ENDPOINT, kinds.CONFIG, kinds.MODEL, kinds.MLMODEL, kinds.VIRTUAL_SERVICE, kinds.GATEWAY}


COPIED: Object = {
    "metadata": {"labels": {labels.MANAGED_BY: labels.MANAGER, labels.ENDPOINT: "ep"}},
    "spec": {"hosts": ["copied.example.com"], "http": [{"route": [{"destination": {"host": "a"}}]}]},
}


class Stored(Struct, frozen=True):
    """One object as the API server has it."""

    kind: str
    raw: bytes

    @property
    def ref(self) -> Ref:
        return Ref(self.kind, self._metadata["namespace"], self._metadata["name"])

    @property
    def is_watched(self) -> bool:
        ours = self._metadata.get("labels", {}).get(labels.MANAGED_BY) == labels.MANAGER
        return ours or KINDS[self.kind] in UNLABELLED

    @property
    def _metadata(self) -> Object:
        metadata: Object = json.loads(self.raw)["metadata"]
        return metadata


class Outcome(Struct, frozen=True):
    """What was made for the honest endpoint, by kind and name, and the conditions that it tells."""

    made: list[tuple[str, str]]
    told: list[tuple[str, str, str]]


class Tenants:
    """An honest and a hostile one, each in a namespace of its own."""

    def __init__(self, client: Client, operator: Client) -> None:
        run = uuid.uuid4().hex[:8]
        self.client = client
        self.honest, self.hostile = f"honest-{run}", f"hostile-{run}"
        self.neighbour = Neighbour(client=client, operator=operator, namespace=self.hostile)

    async def move_in(self) -> None:
        await self.client.create("/api/v1/namespaces", {"metadata": {"name": self.honest}})
        await self.neighbour.move_in()
        await self.client.create(
            f"/api/v1/namespaces/{self.hostile}/serviceaccounts", {"metadata": {"name": "default"}}
        )

    async def want_an_endpoint(self) -> None:
        models = [{"name": "blue", "model": "rfc"}]
        for kind, name, spec in (
            (kinds.MODEL, "rfc", {"image": "model:1"}),
            (kinds.CONFIG, "cfg", {"models": models}),
            (kinds.ENDPOINT, "ep", {"config": "cfg", "host": "honest.example.com"}),
        ):
            await self.client.create(kind.path(self.honest), of_ours(kind.name, self.honest, name, spec))

    async def outcome(self) -> Outcome:
        found = [(kind.name, obj) for kind in MADE for obj in await self._items(kind.path(self.honest))]
        (endpoint,) = await self._items(kinds.ENDPOINT.path(self.honest))
        told = endpoint.get("status", {}).get("conditions", [])
        return Outcome(
            made=sorted((kind, VERSION.sub("", obj["metadata"]["name"])) for kind, obj in found),
            told=[(condition["type"], condition["status"], condition["reason"]) for condition in told],
        )

    async def _items(self, path: str) -> list[Object]:
        return await self.client.items(path)

    async def write(self, objects: Iterator[tuple[str, bytes]], many: int) -> list[Stored]:
        """Writes until so many are stored."""
        stored: list[Stored] = []

        async def work() -> None:
            for kind, raw in objects:
                path = KINDS[kind].path(self.hostile)
                with suppress(RequestError):
                    stored.append(Stored(kind, await self.client.send("POST", path, raw)))
                if len(stored) >= many:
                    return

        async with asyncio.TaskGroup() as group:
            for _ in range(IN_FLIGHT):
                group.create_task(work())
        return stored


def operating(tenants: Tenants) -> AbstractAsyncContextManager[RunningOperator]:
    """An operator of both namespaces."""
    metrics = Metrics()
    api = Api.connect(impersonate=OPERATOR, observer=metrics.request)
    return running_operator(api, metrics, tenants.honest, tenants.hostile)


def knows(operator: RunningOperator, stored: list[Stored]) -> bool:
    return all(operator.operator.engine.cache.entry(one.ref) for one in stored if one.is_watched)


@asynccontextmanager
async def tenants(kubeconfig: Path) -> AsyncIterator[Tenants]:
    async with connected(kubeconfig) as client, connected(kubeconfig, user=OPERATOR) as operator:
        both = Tenants(client, operator)
        await both.move_in()
        yield both


async def settled(tenants: Tenants, at_work: RunningOperator, expected: Outcome | None = None) -> Outcome:
    """The honest endpoint's outcome once it is as expected; without that, once it has a Deployment and stays."""
    before = None
    async with asyncio.timeout(TIMEOUT):
        while True:
            outcome = await tenants.outcome()
            made = {kind for kind, _ in outcome.made}
            if outcome == expected or (expected is None and kinds.DEPLOYMENT.name in made and outcome == before):
                return outcome
            before = outcome
            assert not at_work.task.done()
            await asyncio.sleep(0.5)


@pytest.fixture
def operator_may_write(server: SyncClient, istio: None) -> None:  # noqa: ARG001 - Istio's kinds have to be there
    may_do_everything(server, OPERATOR)


def test_whatever_a_tenant_stores_another_ones_endpoint_is_reconciled_as_without_it(
    kubeconfig: Path,
    operator_may_write: None,  # noqa: ARG001 - it has to
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def alone() -> Outcome:
        async with tenants(kubeconfig) as both, operating(both) as at_work:
            await both.want_an_endpoint()
            return await settled(both, at_work)

    async def beside() -> None:
        expected = await alone()
        async with tenants(kubeconfig) as both:
            objects = hostile_objects(both.hostile, TRIES)
            stored = await both.write(objects, MANY // 2)
            async with operating(both) as at_work:
                stored += await both.write(objects, MANY // 2)
                await both.neighbour.write(COPIED)
                await both.want_an_endpoint()
                assert await settled(both, at_work, expected) == expected
                await until(partial(knows, at_work, stored))
                assert (at_work.skipped(), at_work.reconciles("bug")) == (NOTHING, 0)
                assert {one.kind for one in stored} == set(STORED)
                assert len(stored) >= MANY

    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    asyncio.run(beside())
