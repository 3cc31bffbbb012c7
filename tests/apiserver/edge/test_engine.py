"""Engines beside an operator, with the real decisions on the real API server."""

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.policy import OPERATOR
from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.endpoint.template_status import plan_config, plan_model
from mlendpoints.core.manifests.networkpolicy import network_policy_name
from mlendpoints.core.mlmodel.plan import plan_mlmodel
from mlendpoints.core.plan import MLModelPlan, Plan
from mlendpoints.core.world import Ref
from mlendpoints.edge.engine import Engine, Process
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.errors import UnavailableError
from mlendpoints.edge.kube.kinds import KINDS
from mlendpoints.edge.lease import LeaseTimes
from mlendpoints.edge.metrics import Metrics
from mlendpoints.edge.operator import Operator
from mlendpoints.edge.reconcile.parts import Plans
from mlendpoints.edge.settings import Settings
from tests.apiserver.api.conftest import may_do_everything
from tests.apiserver.edge.conftest import USER
from tests.apiserver.edge.objects import a_model, an_endpoint, of_ours
from tests.kit.running_operator import watches_of
from tests.kit.sync_client import SyncClient
from tests.kit.waiting import until

PLANS = Plans(endpoint=plan_endpoint, config=plan_config, model=plan_model, mlmodel=plan_mlmodel)
QUICK = LeaseTimes(duration=5, renew_within=4, renew_every=1, retry=0.05)
TIMEOUT = 60.0  # seconds; generous, it ends only what would never hold

Scenario = Callable[[str], Awaitable[None]]


@pytest.fixture
def play(
    kubeconfig: Path,
    server: SyncClient,
    istio: None,  # noqa: ARG001 - it has to be there
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[Scenario], None]:
    for user in (OPERATOR, USER):
        may_do_everything(server, user)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    return lambda scenario: asyncio.run(_in_time(scenario(namespace)))


async def _in_time(scenario: Awaitable[None]) -> None:
    async with asyncio.timeout(2 * TIMEOUT):
        await scenario


def settings_of(namespace: str) -> Settings:
    return Settings(
        namespaces=(namespace,),
        lease_namespace=namespace,
        address="127.0.0.1",
        port=0,
        workers=4,
        network_policies="write",
    )


@asynccontextmanager
async def engine_of(namespace: str, metrics: Metrics, process: Process | None = None) -> AsyncIterator[Engine]:
    """Closed once all of its watches are open: the HTTP library leaves sockets open where it is cancelled before."""
    engine = Engine(
        api=Api.connect(impersonate=OPERATOR, observer=metrics.request),
        settings=settings_of(namespace),
        plans=PLANS,
        process=process or Process(identity=uuid.uuid4().hex),
        metrics=metrics,
    )
    async with engine:
        yield engine
        absent = len(kinds.OPTIONAL) - len(engine.cache.installed)  # each has no watch
        await until(lambda: watches_of(metrics) >= len(engine.reflectors) - absent)


@asynccontextmanager
async def operating(namespace: str) -> AsyncIterator[Operator]:
    metrics = Metrics()
    operator = Operator(
        settings=settings_of(namespace),
        plans=PLANS,
        process=Process(identity=uuid.uuid4().hex, lease_times=QUICK),
        api=Api.connect(impersonate=OPERATOR, observer=metrics.request),
        metrics=metrics,
    )
    task = asyncio.create_task(operator.run())
    try:
        yield operator
    finally:
        operator.stop()
        await asyncio.wait_for(task, TIMEOUT)


def key_of(namespace: str) -> Ref:
    return Ref(kinds.ENDPOINT.name, namespace, "ep")


async def want_an_endpoint(namespace: str) -> None:
    api = Api.connect(impersonate=USER)
    config = of_ours(kinds.CONFIG.name, namespace, "cfg", {"models": [{"name": "blue", "model": "rfc"}]})
    try:
        await api.create(kinds.MODEL, a_model(namespace))
        await api.create(kinds.CONFIG, config)
        await api.create(kinds.ENDPOINT, an_endpoint(namespace))
    finally:
        await api.close()


def writes(metrics: Metrics) -> Counter[str]:
    """What was written, by verb."""
    samples = next(iter(metrics.requests.collect())).samples
    verbs = Counter({sample.labels["verb"]: int(sample.value) for sample in samples})
    return Counter({verb: count for verb, count in verbs.items() if verb not in ("get", "list", "watch")})


def is_settled(plan: Plan | MLModelPlan | None) -> bool:
    return plan is not None and not (plan.writes or plan.prune or plan.status or plan.events)


def test_beside_a_leader_a_read_only_engine_plans_nothing_more_than_what_the_leader_has_written(
    play: Callable[[Scenario], None],
) -> None:
    async def scenario(namespace: str) -> None:
        metrics = Metrics()
        async with operating(namespace) as leader, engine_of(namespace, metrics) as beside:
            await beside.synced()
            await want_an_endpoint(namespace)
            key = key_of(namespace)
            await leader.engine.until(key, "Reconciling", within=TIMEOUT)
            await until(lambda: is_settled(leader.engine.plan(key)))
            await until(lambda: is_settled(beside.plan(key)))
            assert beside.plan(key) == leader.engine.plan(key)
            await beside.reconcile(key)  # nothing is left to write, so that it may
            assert writes(metrics) == Counter()

    play(scenario)


def test_without_an_operator_a_read_only_engine_shows_what_one_would_write_and_writes_nothing(
    play: Callable[[Scenario], None],
) -> None:
    async def scenario(namespace: str) -> None:
        metrics, key = Metrics(), key_of(namespace)
        await want_an_endpoint(namespace)
        async with engine_of(namespace, metrics) as engine:
            assert engine.plan(key) is None
            await engine.synced()
            plan = engine.plan(key)
            assert isinstance(plan, Plan)
            assert (plan.finalizer, plan.status is not None) == (True, True)
            with pytest.raises(UnavailableError, match="Not the leader"):
                await engine.reconcile(key)
            assert writes(metrics) == Counter()

    play(scenario)


def test_an_engine_that_may_write_reconciles_single_keys_without_a_lease(play: Callable[[Scenario], None]) -> None:
    async def scenario(namespace: str) -> None:
        key = key_of(namespace)
        await want_an_endpoint(namespace)
        process = Process(identity="notebook", may_write=lambda: True)
        async with engine_of(namespace, Metrics(), process) as engine:
            await engine.synced()
            while not is_settled(engine.plan(key)):
                await engine.reconcile(key)
            endpoint = await engine.until(key, "Reconciling", within=TIMEOUT)
            assert isinstance(endpoint, Endpoint)
            assert endpoint.status.observed_generation == endpoint.metadata.generation
            made = {child.kind for child in _children(engine, namespace)}
            assert made >= {"Service", "Deployment", "DestinationRule"}

    play(scenario)


def test_a_copy_of_a_child_is_removed_by_the_operators_own_user(play: Callable[[Scenario], None]) -> None:
    async def scenario(namespace: str) -> None:
        await want_an_endpoint(namespace)
        async with operating(namespace) as operator:
            own = Ref(kinds.NETWORK_POLICY.name, namespace, network_policy_name("ep"))
            await operator.engine.until(key_of(namespace), "Reconciling", within=TIMEOUT)
            await until(lambda: operator.engine.cache.entry(own) is not None)
            copy = await _copied(own)
            await until(lambda: operator.engine.cache.entry(copy) is not None)
            await until(lambda: operator.engine.cache.entry(copy) is None)
            assert operator.engine.cache.entry(own) is not None

    play(scenario)


async def _copied(own: Ref) -> Ref:
    """As with `kubectl get -o yaml`, another name and `kubectl create`."""
    api = Api.connect(impersonate=USER)
    try:
        manifest = json.loads(await api.get(own))
        known = ("labels", "annotations", "ownerReferences", "namespace")
        metadata = {field: manifest["metadata"][field] for field in known}
        await api.create(KINDS[own.kind], {**manifest, "metadata": {**metadata, "name": "copy"}})
    finally:
        await api.close()
    return Ref(own.kind, own.namespace, "copy")


def _children(engine: Engine, namespace: str) -> list[Ref]:
    watched = (kinds.SERVICE, kinds.DEPLOYMENT, kinds.DESTINATION_RULE)
    return [ref for kind in watched for ref in engine.cache.refs(kinds.Watch(kind=kind, namespace=namespace))]


def test_until_counts_only_what_was_said_of_the_newest_generation(play: Callable[[Scenario], None]) -> None:
    async def scenario(namespace: str) -> None:
        key = key_of(namespace)
        await want_an_endpoint(namespace)
        async with operating(namespace) as operator:
            first = await operator.engine.until(key, "Reconciling", within=TIMEOUT)
            generation = first.metadata.generation + 1
            waiting = asyncio.create_task(
                operator.engine.until(key, "Reconciling", within=TIMEOUT, generation=generation)
            )
            await asyncio.sleep(0)
            assert not waiting.done()
            await _edit(key)
            second = await waiting
            assert second.metadata.generation == second.status.observed_generation == generation

    play(scenario)


async def _edit(key: Ref) -> None:
    api = Api.connect(impersonate=USER)
    try:
        await api.merge(key, {"spec": {"update": {"deadlineSeconds": 1234}}})
    finally:
        await api.close()


def test_what_does_not_become_true_in_time_is_a_timeout_that_names_it(play: Callable[[Scenario], None]) -> None:
    async def scenario(namespace: str) -> None:
        async with engine_of(namespace, Metrics()) as engine:
            await engine.synced()
            with pytest.raises(TimeoutError, match=f"MachineLearningEndpoint {namespace}/ep: timed out .* Ready=True"):
                await engine.until(key_of(namespace), "Ready", within=0.01)

    play(scenario)


def test_a_closed_engine_leaves_no_tasks(play: Callable[[Scenario], None]) -> None:
    async def scenario(namespace: str) -> None:
        before = asyncio.all_tasks()
        await want_an_endpoint(namespace)
        process = Process(identity="notebook", may_write=lambda: True)
        async with engine_of(namespace, Metrics(), process) as engine:
            await engine.synced()
            work = asyncio.create_task(engine.work())
            await engine.until(key_of(namespace), "Reconciling", within=TIMEOUT)
            assert asyncio.all_tasks() > before | {work}
            engine.finish()
            await work
        assert asyncio.all_tasks() == before

    play(scenario)
