"""Settled keys, with the real plans of simulated endpoints."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.mlmodel.plan import plan_mlmodel
from mlendpoints.core.plan import MLModelPlan, Plan
from mlendpoints.core.world import GatewayPod, MLModelWorld, Ref, Rejection, World
from mlendpoints.edge.reconcile.settled import Settled
from tests.kit import builders
from tests.simulation import Cluster
from tests.simulation_mlmodel import Namespace

KEY = Ref("MachineLearningEndpoint", builders.NAMESPACE, "titanic")
MLMODEL = Ref("MLModel", builders.NAMESPACE, "titanic")


class Counting:
    """The real plans, and how many were computed."""

    def __init__(self) -> None:
        self.count = 0

    def endpoint(self, world: World) -> Plan:
        self.count += 1
        return plan_endpoint(world)

    def mlmodel(self, world: MLModelWorld) -> MLModelPlan:
        self.count += 1
        return plan_mlmodel(world)


@pytest.fixture
def world() -> World:
    return Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model()).settle().world()


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def settled(counting: Counting) -> Settled[World, Plan]:
    return Settled(counting.endpoint)


def test_a_world_without_anything_to_do_is_planned_once(
    world: World, counting: Counting, settled: Settled[World, Plan]
) -> None:
    first = settled.plan(KEY, world)
    later = replace(world, now=world.now + 60, routes_since=world.routes_since + 1e-6)
    assert first.is_empty
    assert settled.plan(KEY, later) == first == plan_endpoint(later)
    assert counting.count == 1


def test_so_is_one_of_an_mlmodel(counting: Counting) -> None:
    world = Namespace(builders.an_mlmodel()).settle().world()
    settled = Settled(counting.mlmodel)
    assert settled.plan(MLMODEL, world) == settled.plan(MLMODEL, replace(world, now=world.now + 60))
    assert counting.count == 1


CHANGES: dict[str, Callable[[World], World]] = {
    "the endpoint": lambda w: replace(w, endpoint=replace(w.endpoint, metadata=replace(w.endpoint.metadata, uid="x"))),
    "the config": lambda w: replace(w, config=None),
    "a model": lambda w: replace(w, models={}),
    "a child": lambda w: replace(w, children={ref: replace(c, resource_version="x") for ref, c in w.children.items()}),
    "ready pods": lambda w: replace(w, children={ref: replace(c, ready_addresses=0) for ref, c in w.children.items()}),
    "a pod": lambda w: replace(w, pods=(*w.pods, replace(w.pods[0], name="x"))),
    "a gateway": lambda w: replace(w, gateways=(*w.gateways, GatewayPod("x", "192.0.2.1", 80))),
    "a rejection": lambda w: replace(w, rejections={KEY: Rejection("Rejected", "x")}),
    "other routes": lambda w: replace(w, routes_since=w.routes_since + 2),
    "an optional kind": lambda w: replace(w, installed=frozenset({"PodMonitor"})),
    "a setting": lambda w: replace(w, settings=replace(w.settings, url_port=81)),
}


@pytest.mark.parametrize("what", CHANGES)
def test_any_change_is_planned(what: str, world: World, counting: Counting, settled: Settled[World, Plan]) -> None:
    settled.plan(KEY, world)
    changed = CHANGES[what](world)
    assert settled.plan(KEY, changed) == plan_endpoint(changed)
    assert counting.count == 2


def test_what_has_something_to_do_is_planned_each_time(
    world: World, counting: Counting, settled: Settled[World, Plan]
) -> None:
    missing = replace(world, children={})
    settled.plan(KEY, world)
    assert [settled.plan(KEY, each).is_empty for each in (missing, missing, world)] == [False, False, True]
    assert counting.count == 4


def test_a_plan_holds_until_its_recheck(world: World, counting: Counting) -> None:
    recheck = world.now + 30

    def plan_of(world: World) -> Plan:
        return replace(counting.endpoint(world), recheck=recheck)

    settled = Settled(plan_of)
    counts = []
    for now in (world.now, recheck - 1, recheck, recheck + 1):
        settled.plan(KEY, replace(world, now=now))
        counts.append(counting.count)
    assert counts == [1, 1, 2, 3]


def test_a_deleted_key_is_forgotten(world: World, counting: Counting, settled: Settled[World, Plan]) -> None:
    settled.plan(KEY, world)
    settled.forget(KEY)
    settled.plan(KEY, world)
    assert counting.count == 2
