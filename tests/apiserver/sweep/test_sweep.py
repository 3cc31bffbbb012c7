"""A short form of the crash sweep, and that it sees what it is there for. ``make sweep`` runs the whole."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from mlendpoints.edge.reconciler import Plans
from tests.sweep import seeds
from tests.sweep.gateways import LAGS
from tests.sweep.life import PLANS, run
from tests.sweep.rules import judge, rules_broken
from tests.sweep.run import Outcome, Trial, disturbed, evidence_of, undisturbed
from tests.sweep.scenarios import BY_NAME, Scenario, begin_an_outage
from tests.sweep.stage import stage
from tests.sweep.sweep import Sweep, Swept
from tests.sweep.user import User, variant
from tests.sweep.wire import Cut

POINTS = {"create": 6, "swap": 8, "superseded": 6, "delete-and-create": 6, "lost-routes": 4}
POINTS |= {"outage": 4, "hostile": 4}
JOBS = 6
FAR = 3.0  # seconds


@pytest.fixture(scope="module")
def swept(collecting_kubeconfig: Path) -> dict[str, Swept]:
    async def sweep() -> dict[str, Swept]:
        async with stage(collecting_kubeconfig) as shared:
            sweep = Sweep(shared, jobs=JOBS, tell=lambda _outcome: None)
            found = {name: await sweep.measure(BY_NAME[name]) for name in POINTS}
            await asyncio.gather(*(sweep.some(found[name], points) for name, points in POINTS.items()))
            return found

    return run(sweep())


@pytest.mark.parametrize("name", POINTS)
def test_an_operator_may_die_at_any_write(swept: dict[str, Swept], name: str) -> None:
    assert "\n".join(map(str, swept[name].failures)) == ""


def test_operators_died_at_nearly_all_points(swept: dict[str, Swept]) -> None:
    """All but a few: a disturbed run may make a write less than the undisturbed one."""
    assert sum(len(one.points) for one in swept.values()) >= sum(POINTS.values()) - len(POINTS)


@pytest.mark.parametrize("name", POINTS)
def test_at_rest_nothing_is_sent_though_everything_is_looked_at(swept: dict[str, Swept], name: str) -> None:
    assert swept[name].measure.at_rest == []


@pytest.mark.parametrize("name", POINTS)
def test_no_more_is_sent_than_differs(swept: dict[str, Swept], name: str) -> None:
    cost = swept[name].measure.cost
    assert cost.is_kept, cost.calls


def broken(kubeconfig: Path, scenario: Scenario, plans: Plans = PLANS) -> set[str]:
    """The rules that did not hold when a scenario's act was over; an operator with a bug may never rest.

    Its gateways lag so far behind that nothing but a proof could have waited for them.
    """

    async def play() -> set[str]:
        far = stage(kubeconfig, lags=dict.fromkeys(LAGS, FAR))
        beside = scenario.neighbour
        async with (
            far as shared,
            shared.point(scenario.name, neighbour=beside) as point,
            point.operating(plans=plans),
        ):
            await scenario.prepare(point.user)
            await scenario.act(point.user)
            return rules_broken(judge(evidence_of(point)))

    return run(play())


async def _swap_and_look(user: User) -> None:
    """A swap that is over when the old instance begins to go."""
    old = user.instance("blue")
    await user.share(variant("blue", "deep"))
    await user.sees(lambda: not user.has_deployment("forest"), f"{old} goes")


async def _create_and_look(user: User) -> None:
    """A creation that is over when weights are routed."""
    await user.config(variant("blue", "forest", 90), variant("green", "logit", 10))
    await user.endpoint()
    await user.sees(lambda: user.routed() != {}, "weights are routed")


SWAP = Scenario("seeded-swap", "", BY_NAME["swap"].prepare, _swap_and_look)


async def _return_and_look(user: User) -> None:
    """An outage that is over when the update has ended."""
    await begin_an_outage(user)
    await user.sees(lambda: len(user.outcomes()) > 1, "the update has ended")


OUTAGE = Scenario("seeded-outage", "", BY_NAME["outage"].prepare, _return_and_look)
HOSTILE = BY_NAME["hostile"]
CREATE = Scenario("seeded-create", "", BY_NAME["create"].prepare, _create_and_look)


@pytest.mark.parametrize(
    ("scenario", "plans", "rule"),
    [
        (SWAP, seeds.PRUNES_WITHOUT_PROOF, "untouched"),
        (SWAP, seeds.SHIFTS_WITHOUT_PING, "known"),
        (CREATE, seeds.HALVES_WEIGHTS, "ratio"),
    ],
    ids=["prunes without proof", "shifts without ping", "halves weights"],
)
def test_a_seeded_bug_is_seen(collecting_kubeconfig: Path, scenario: Scenario, plans: Plans, rule: str) -> None:
    assert broken(collecting_kubeconfig, scenario, plans) == {rule}


def test_without_the_seed_the_same_scenarios_are_well(collecting_kubeconfig: Path) -> None:
    for scenario in (SWAP, CREATE, OUTAGE):
        assert broken(collecting_kubeconfig, scenario) == set()


def test_an_update_that_fails_by_the_clock_alone_is_seen(collecting_kubeconfig: Path) -> None:
    with seeds.fails_by_the_clock():
        assert broken(collecting_kubeconfig, OUTAGE) == {"late"}


@pytest.mark.parametrize("seeded", [seeds.ends_at_deep_objects, seeds.ends_at_circles])
def test_an_operator_that_ends_at_a_neighbours_object_is_seen(
    collecting_kubeconfig: Path, seeded: Callable[[], AbstractContextManager[None]]
) -> None:
    with seeded(), pytest.raises(ExceptionGroup) as ended:
        broken(collecting_kubeconfig, HOSTILE)
    assert ended.group_contains(RecursionError)


def test_another_end_state_is_seen(collecting_kubeconfig: Path) -> None:
    async def play() -> Outcome:
        async with stage(collecting_kubeconfig) as shared:
            end = (await undisturbed(shared, BY_NAME["weights"])).end
            trial = Trial(cut=Cut(1, after=True), end=end, patience=5)
            return await disturbed(shared, BY_NAME["weights"], trial, plans=seeds.LEAVES_RECORDS)

    assert "MachineLearningEndpointConfig cfg-v" in run(play()).problem
