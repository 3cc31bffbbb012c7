"""A short form of the crash sweep, and that it sees what it is there for. ``make sweep`` runs the whole."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from mlendpoints.edge.kube import kinds
from mlendpoints.edge.reconcile.parts import Plans
from tests.kit.running_operator import PLANS
from tests.model.bugs import BUGS
from tests.sweep import seeds
from tests.sweep.gateways import LAGS
from tests.sweep.life import run
from tests.sweep.rules import judge, rules_broken
from tests.sweep.run import Outcome, Trial, disturbed, evidence_of, open_point, undisturbed
from tests.sweep.scenarios import BY_NAME, Scenario, begin_an_outage
from tests.sweep.stage import Point, stage
from tests.sweep.sweep import Sweep, Swept
from tests.sweep.user import ENDPOINT, User, variant
from tests.sweep.wire import Cut

POINTS = {"create": 6, "swap": 8, "superseded": 6, "delete-and-create": 6, "lost-routes": 4}
POINTS |= {"outage": 4, "hostile": 4, "rival": 2}
POINTS |= {"tls": 4, "tls-secret": 2, "tls-renamed": 2, "dead-node": 4}
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


def _at_once(_point: Point) -> bool:
    return True


def broken(
    kubeconfig: Path, scenario: Scenario, plans: Plans = PLANS, *, is_over: Callable[[Point], bool] = _at_once
) -> set[str]:
    """The rules that did not hold when a scenario's act was over; an operator with a bug may never rest.

    Its gateways lag so far behind that nothing but a proof could have waited for them.
    """

    async def play() -> set[str]:
        far = stage(kubeconfig, lags=dict.fromkeys(LAGS, FAR))
        async with (
            far as shared,
            open_point(shared, scenario) as point,
            point.operating(plans=plans),
        ):
            await scenario.prepare(point.user)
            await scenario.act(point.user)
            await point.record.until(lambda: is_over(point), f"{scenario.name} is over")
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


async def _ask_for_https(user: User) -> None:
    await user.edit(kinds.ENDPOINT, ENDPOINT, tls=True)


async def _ask_and_look(user: User) -> None:
    """A change to HTTPS that is over when the endpoint is as asked, and the other listener is closed."""
    await user.puts_credential("first")
    await _ask_for_https(user)
    await user.sees_doors_with("first")
    await user.sees_it_as_asked()
    await user.sees_no_door(80)


async def _rival_and_look(user: User) -> None:
    """Two endpoints of one host, until both serve or one of them says that it cannot."""
    await user.endpoint("rival", host=user.host(ENDPOINT))
    await user.sees(lambda: user.routed("rival") != {} or user.says("HostConflict", "rival"), "the rival has an end")


async def _lose_and_look(user: User) -> None:
    """A gateway pod's node dies; the update is over in one way or another."""
    await user.edit(kinds.ENDPOINT, ENDPOINT, update={"deadlineSeconds": 12})
    await user.loses_a_node()
    await user.share(variant("blue", "deep"))
    await user.sees(lambda: len(user.outcomes()) > 1, "the update has ended")


async def _delete_and_orphan(user: User) -> None:
    """A deletion with ``--cascade=orphan`` that is over when the endpoint has gone."""
    await user.delete(kinds.ENDPOINT, ENDPOINT, policy="Orphan")
    await user.sees(lambda: user.get(kinds.ENDPOINT, ENDPOINT) is None, "the endpoint has gone")


TLS = Scenario("seeded-tls", "", BY_NAME["tls-secret"].prepare, _ask_and_look, administrator=True)
NO_CREDENTIAL = Scenario("seeded-credential", "", BY_NAME["tls"].prepare, _ask_for_https, administrator=True)
DEAD_NODE = Scenario("seeded-node", "", BY_NAME["dead-node"].prepare, _lose_and_look, administrator=True)
ORPHAN = Scenario("orphaning-delete", "", BY_NAME["delete"].prepare, _delete_and_orphan)
RIVAL = Scenario("seeded-rival", "", BY_NAME["rival"].prepare, _rival_and_look)
HOSTILE = BY_NAME["hostile"]
CREATE = Scenario("seeded-create", "", BY_NAME["create"].prepare, _create_and_look)


@pytest.mark.parametrize(
    ("scenario", "plans", "rules"),
    [
        (SWAP, seeds.PRUNES_WITHOUT_PROOF, {"ready", "untouched"}),
        (SWAP, seeds.SHIFTS_WITHOUT_PING, {"known"}),
        (CREATE, seeds.HALVES_WEIGHTS, {"ratio"}),
    ],
    ids=["prunes without proof", "shifts without ping", "halves weights"],
)
def test_a_seeded_bug_is_seen(collecting_kubeconfig: Path, scenario: Scenario, plans: Plans, rules: set[str]) -> None:
    assert broken(collecting_kubeconfig, scenario, plans) == rules


def test_without_the_seed_the_same_scenarios_are_well(collecting_kubeconfig: Path) -> None:
    for scenario in (SWAP, CREATE, OUTAGE, TLS, DEAD_NODE):
        assert broken(collecting_kubeconfig, scenario) == set()


def test_a_deletion_that_orphans_leaves_no_routes(collecting_kubeconfig: Path) -> None:
    assert broken(collecting_kubeconfig, ORPHAN) == set()


def test_routes_that_an_endpoint_leaves_behind_are_seen(collecting_kubeconfig: Path) -> None:
    with BUGS["gateway-left"].seeded():
        assert broken(collecting_kubeconfig, ORPHAN) == {"left"}


def test_an_update_that_fails_by_the_clock_alone_is_seen(collecting_kubeconfig: Path) -> None:
    with seeds.fails_by_the_clock():
        assert broken(collecting_kubeconfig, OUTAGE) == {"late"}


@pytest.mark.parametrize(
    ("seeded", "bug"),
    [
        (seeds.ends_at_deep_objects, RecursionError),
        (seeds.ends_at_circles, RecursionError),
        (seeds.ends_at_hosts_named_twice, KeyError),
    ],
)
def test_an_operator_that_ends_at_a_neighbours_object_is_seen(
    collecting_kubeconfig: Path, seeded: Callable[[], AbstractContextManager[None]], bug: type[Exception]
) -> None:
    with seeded(), pytest.raises(ExceptionGroup) as ended:
        broken(collecting_kubeconfig, HOSTILE)
    assert ended.group_contains(bug)


def test_two_endpoints_that_both_take_a_host_are_seen(collecting_kubeconfig: Path) -> None:
    with seeds.shares_hosts():
        assert broken(collecting_kubeconfig, RIVAL) == {"one-route"}


@pytest.mark.parametrize(
    ("name", "rules"), [("close-at-once", {"listener"}), ("listeners-unproven", {"listener", "ready"})]
)
def test_a_door_that_nobody_waits_for_is_seen(collecting_kubeconfig: Path, name: str, rules: set[str]) -> None:
    with BUGS[name].seeded():
        assert broken(collecting_kubeconfig, TLS) == rules


def test_an_update_that_waits_for_a_dead_node_is_seen(collecting_kubeconfig: Path) -> None:
    with BUGS["dead-gateways"].seeded():
        assert broken(collecting_kubeconfig, DEAD_NODE) == {"late"}


def test_a_decision_that_ends_with_an_exception_is_seen(collecting_kubeconfig: Path) -> None:
    with BUGS["no-credential"].seeded():
        assert broken(collecting_kubeconfig, NO_CREDENTIAL, is_over=lambda point: bool(point.bugs)) == {"bug"}


def test_another_end_state_is_seen(collecting_kubeconfig: Path) -> None:
    async def play() -> Outcome:
        async with stage(collecting_kubeconfig) as shared:
            end = (await undisturbed(shared, BY_NAME["weights"])).end
            trial = Trial(cut=Cut(1, after=True), end=end, patience=5)
            return await disturbed(shared, BY_NAME["weights"], trial, plans=seeds.LEAVES_RECORDS)

    assert "MachineLearningEndpointConfig cfg-v" in run(play()).problem
