"""One run: endpoints are created at once and become ready, the operator rests, the floor is written."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct, structs

from bench import floor
from bench.figures import Call, Figures, read_figures, settled
from bench.objects import CONFIG, create_endpoints, create_namespace, create_templates, endpoint_names
from bench.readiness import all_ready
from mlendpoints.api.policy import OPERATOR
from mlendpoints.edge.kube.kinds import ENDPOINT
from tests.kit import fake_gateway
from tests.kit.client import Client, connected
from tests.kit.fake_workloads import make_ready
from tests.kit.operator_process import Scrape, operator
from tests.kit.waiting import POLL_TIMEOUT


class Size(Struct, frozen=True, kw_only=True):
    """How much is measured."""

    endpoints: int
    rest: float  # seconds
    floor: bool = True  # whether the same objects are then written bare

    @property
    def patience(self) -> float:
        """Seconds within which all must be ready."""
        return max(POLL_TIMEOUT, 3.0 * self.endpoints)


class Rest(Struct, frozen=True):
    """What an operator does while nothing changes."""

    calls: Counter[Call]
    cpu: float  # share of one core


class Floor(Struct, frozen=True, kw_only=True):
    """The same objects, written bare."""

    seconds: float
    server_cpu: float
    requests: int
    children: int


class Run(Struct, frozen=True, kw_only=True):
    """What one run has shown."""

    endpoints: int
    seconds: float
    server_cpu: float  # seconds
    before: Figures
    after: Figures
    rest: Rest
    floor: Floor | None = None

    @property
    def calls(self) -> Counter[Call]:
        """Requests of the operator between the first endpoint's creation and its rest."""
        return self.after.calls - self.before.calls

    @property
    def calls_each(self) -> float:
        """Requests for each endpoint."""
        return self.calls.total() / self.endpoints

    @property
    def kib_each(self) -> float:
        """Growth of resident memory for each endpoint."""
        return (self.after.resident - self.before.resident) / 1024 / self.endpoints


async def run_on_control_plane(kubeconfig: Path, size: Size, number: int) -> Run:
    """In two fresh namespaces, one for the operator and one for the floor."""
    namespace, bare = f"bench-{number}", f"bench-{number}-floor"
    async with connected(kubeconfig) as client:
        await create_namespace(client, namespace)
        await create_templates(client, namespace)
        async with surroundings(client, namespace), operator(kubeconfig, namespace) as scrape:
            run = await observe(client, namespace, scrape, size)
        if not size.floor:
            return run
        await create_namespace(client, bare)
        async with connected(kubeconfig, user=OPERATOR) as writer:  # instances are the operator's to write
            return structs.replace(run, floor=await _floor(client, writer, namespace, bare))


async def _floor(client: Client, writer: Client, namespace: str, bare: str) -> Floor:
    found = await floor.find(client, namespace)
    cpu = await client.cpu()
    seconds = await floor.write(client, writer, bare, found)
    return Floor(
        seconds=seconds,
        server_cpu=await client.cpu() - cpu,
        requests=floor.requests(found),
        children=sum(one.is_child for one in found),
    )


async def observe(client: Client, namespace: str, scrape: Scrape, size: Size, *, config: str = CONFIG) -> Run:
    """Creates endpoints in a namespace with templates, and looks at the operator before, after and at rest."""
    names = endpoint_names(size.endpoints)
    before = await settled(scrape)
    cpu, begun = await client.cpu(), time.perf_counter()
    async with asyncio.timeout(size.patience), asyncio.TaskGroup() as group:
        group.create_task(all_ready(client, ENDPOINT.path(namespace), names))
        group.create_task(create_endpoints(client, namespace, names, config=config))
    seconds = time.perf_counter() - begun
    cpu = await client.cpu() - cpu
    after = await settled(scrape)
    if after.started != before.started:
        raise RuntimeError("The operator was started anew while it was measured")
    rest = await _rest(scrape, size.rest)
    return Run(endpoints=size.endpoints, seconds=seconds, server_cpu=cpu, before=before, after=after, rest=rest)


async def _rest(scrape: Scrape, seconds: float) -> Rest:
    before = read_figures(await scrape())
    await asyncio.sleep(seconds)
    after = read_figures(await scrape())
    return Rest(after.calls - before.calls, (after.cpu - before.cpu) / seconds)


@asynccontextmanager
async def surroundings(client: Client, namespace: str) -> AsyncIterator[None]:
    """What stands in for nodes, controllers and gateways."""
    async with fake_gateway.serving(client, namespace) as routes:
        tasks = [
            asyncio.create_task(routes.follow(client, namespace)),
            asyncio.create_task(make_ready(client, namespace)),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
