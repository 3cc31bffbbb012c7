"""The model check's smallest world, and mistakes that it must find (``python -m tests.model`` explores the rest)."""

import pytest
from msgspec.structs import replace

from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.plan import Plan, SetStatus
from mlendpoints.core.world import World
from tests.model.asks import ASKS, config_of, endpoint_spec, models_of
from tests.model.bugs import BUGS
from tests.model.ends import judged
from tests.model.explore import Explorer
from tests.model.observed import abstract_status, status_of
from tests.model.steps import in_steps
from tests.model.trace import story
from tests.model.worlds import WORLDS, start_of
from tests.simulation import Cluster


@pytest.mark.parametrize("world", ["update", "dead gateway", "waypoints"])
def test_one_edit_of_an_endpoint_in_service_breaks_no_law_and_ends_well(world: str) -> None:
    explorer = Explorer()
    with in_steps(stepwise=WORLDS[world].stepwise):
        graph = explorer.run(start_of(WORLDS[world], explorer))

    assert graph.states == graph.expanded > 3_000
    assert graph.violation is None
    assert judged(explorer) is None


def test_one_mishap_after_an_upgrade_breaks_no_law_and_ends_well() -> None:
    explorer = Explorer()
    graph = explorer.run(start_of(WORLDS["upgrade"], explorer))

    assert graph.states == graph.expanded > 100
    assert graph.violation is None
    assert judged(explorer) is None


QUICKLY_FOUND = (
    *("no-pings", "scale-unproven", "done-too-early", "pods-before-routes"),
    *("late-though-ready", "no-credential", "dead-gateways", "listeners-unproven", "close-at-once", "template-alone"),
    *("gateway-left", "waypoint-skipped", "waypoint-unproven"),
)


@pytest.mark.parametrize("name", QUICKLY_FOUND)
def test_a_mistake_is_found_and_told_as_a_story(name: str) -> None:
    bug = BUGS[name]
    with bug.seeded(), in_steps(stepwise=WORLDS[bug.world].stepwise):
        explorer = Explorer()
        violation = explorer.run(start_of(WORLDS[bug.world], explorer)).violation
        assert violation is not None
        told = list(story(explorer, violation))

    assert any(line.startswith("somebody ") for line in told)
    assert any(line.startswith("gateway 0: ") for line in told)


@pytest.mark.parametrize("ask", ASKS)
def test_what_a_state_leaves_out_of_the_status_decides_nothing(ask: str) -> None:
    cluster = Cluster(endpoint_spec("shared"), config_of("shared"), *models_of("shared").values()).settle()
    cluster.edit_config(config_of(ask))
    cluster.models = models_of(ask)
    compared = []

    def compare(cluster: Cluster) -> None:
        if cluster.endpoint is not None:
            compared.append(done_by(plan_endpoint(cluster.world())))
            assert compared[-1] == done_by(plan_endpoint(with_kept_status(cluster.world())))

    cluster.settle(watch=compare)

    assert compared


def with_kept_status(world: World) -> World:
    kept = status_of(abstract_status(world.endpoint.status, keep=0))
    return replace(world, endpoint=replace(world.endpoint, status=kept))


def done_by(plan: Plan) -> tuple[object, ...]:
    writes = tuple(write for write in plan.writes if not isinstance(write, SetStatus))
    return writes, plan.prune, plan.precondition, plan.finalizer, plan.probes
