"""One scenario from beginning to end, disturbed or not, and what came of it.

Undisturbed, its end state is the measure for all disturbed runs of the same
scenario; these have to come to it, and to rest there.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext

from msgspec import Struct, structs

from mlendpoints.edge.reconcile.parts import Plans
from tests.kit.running_operator import PLANS
from tests.sweep.cost import Cost, cost
from tests.sweep.normal import Picture, differences, picture, without_race
from tests.sweep.rules import Evidence, Violation, judge
from tests.sweep.scenarios import Scenario
from tests.sweep.stage import Point, Stage
from tests.sweep.store import TIMEOUT
from tests.sweep.wire import Call, Cut


class Outcome(Struct, frozen=True, kw_only=True):
    """What a run has shown."""

    scenario: str
    namespace: str
    cut: Cut | None
    is_reached: bool  # whether the operator was killed at its cut
    calls: list[Call]
    cost: Cost
    at_rest: list[Call]  # what it sent when every key was looked at once more; undisturbed runs only
    end: Picture
    violations: list[Violation]
    problem: str = ""  # why it did not come to its end

    @property
    def is_well(self) -> bool:
        return not self.problem and not self.violations

    @property
    def writes(self) -> int:
        return sum(call.is_write for call in self.calls)

    def __str__(self) -> str:
        where = f"{self.scenario}, {self.cut or 'undisturbed'} ({self.namespace})"
        return "\n  ".join((where, *map(str, self.violations), *self.problem.splitlines()))


async def undisturbed(stage: Stage, scenario: Scenario, *, plans: Plans = PLANS) -> Outcome:
    """The measure: what the scenario comes to when nobody dies, and no detail is told for an update taking long."""
    async with open_point(stage, scenario) as point, point.operating(plans=plans):
        problem = await _play(point, scenario, point.settled)
        outcome = _outcome(point, scenario, problem)
        return structs.replace(outcome, at_rest=await _at_rest(point))


def open_point(stage: Stage, scenario: Scenario) -> AbstractAsyncContextManager[Point]:
    """A namespace with what the scenario needs around it."""
    return stage.point(scenario.name, neighbour=scenario.neighbour, administrator=scenario.administrator)


class Trial(Struct, frozen=True, kw_only=True):
    """A disturbed run: where the operator dies, and what it has to come to, in how many seconds."""

    cut: Cut
    end: Picture
    patience: float = TIMEOUT


async def disturbed(stage: Stage, scenario: Scenario, trial: Trial, *, plans: Plans = PLANS) -> Outcome:
    """The same with the operator killed once."""
    async with open_point(stage, scenario) as point, point.operating(plans=plans):

        async def come_to_the_end() -> None:
            await point.settled(lambda: _end(point, scenario) == trial.end, patience=trial.patience)

        problem = await _play(point, scenario, come_to_the_end, trial.cut)
        if problem:
            problem += f"\n{differences(trial.end, _end(point, scenario))}\n{_story(point)}"
        return _outcome(point, scenario, problem)


async def _play(
    point: Point, scenario: Scenario, come_to_the_end: Callable[[], Awaitable[None]], cut: Cut | None = None
) -> str:
    try:
        await scenario.prepare(point.user)
        await point.settled()
        point.arm(cut)
        with nullcontext() if cut else point.clock.standing():
            await scenario.act(point.user)
        await come_to_the_end()
    except TimeoutError as error:
        return str(error)
    return ""


def _outcome(point: Point, scenario: Scenario, problem: str) -> Outcome:
    ledger = point.ledger
    return Outcome(
        scenario=scenario.name,
        namespace=point.namespace,
        cut=ledger.cut,
        is_reached=ledger.is_cut,
        calls=list(ledger.calls),
        cost=cost(point.record, ledger.calls, point.acts),
        at_rest=[],
        end=_end(point, scenario),
        violations=judge(evidence_of(point)),
        problem=problem,
    )


def evidence_of(point: Point) -> Evidence:
    """All that the rules are judged by, so far."""
    gateways = point.gateways
    return Evidence(
        record=point.record,
        calls=point.ledger.everything,
        answers=gateways.answers(point.namespace),
        user=point.user,
        died=gateways.died,
        bugs=point.bugs,
    )


async def _at_rest(point: Point) -> list[Call]:
    """Has every endpoint and template looked at once more; the calls that this makes."""
    before = len(point.ledger.calls)
    if point.life is not None:
        point.life.look_at_everything()
        await point.settled()
    return point.ledger.calls[before:]


def _end(point: Point, scenario: Scenario) -> Picture:
    whole = picture(point.record)
    return without_race(whole) if scenario.race else whole


def _story(point: Point) -> str:
    """The last calls and words of the operator, for whoever looks for the reason."""
    calls = [f"{call.at:.3f} {call} {call.name} {call.status}" for call in point.ledger.calls[-40:]]
    words = point.life.log[-20:] if point.life else []
    return "\n".join((*calls, *words))
