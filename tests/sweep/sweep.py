"""All points of the scenarios: at each write, on both sides of it, until a run makes fewer writes than that."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterable

from msgspec import Struct, field

from tests.sweep.run import Outcome, Trial, disturbed, undisturbed
from tests.sweep.scenarios import Scenario
from tests.sweep.stage import Stage
from tests.sweep.wire import Cut

Tell = Callable[[Outcome], None]


class Swept(Struct, kw_only=True):
    """What came of one scenario."""

    scenario: Scenario
    measure: Outcome
    points: list[Outcome] = field(default_factory=list)

    @property
    def failures(self) -> list[Outcome]:
        return [outcome for outcome in (self.measure, *self.points) if not outcome.is_well]


class Sweep:
    """Runs points, so many at a time."""

    def __init__(self, stage: Stage, *, jobs: int, tell: Tell) -> None:
        self._stage = stage
        self._at_once = asyncio.Semaphore(jobs)
        self._tell = tell

    async def measure(self, scenario: Scenario) -> Swept:
        """Nobody dies."""
        outcome = await undisturbed(self._stage, scenario)
        self._tell(outcome)
        return Swept(scenario=scenario, measure=outcome)

    async def whole(self, swept: Swept) -> None:
        """Every write of a measured scenario, on both sides."""
        if swept.measure.is_well:
            await self._points(swept, _cuts(swept.measure))
            async for cut in self._beyond(swept):
                await self._points(swept, (cut,))

    async def some(self, swept: Swept, points: int) -> None:
        """So many points of a measured scenario, evenly spread."""
        cuts = _cuts(swept.measure)
        await self._points(swept, sorted({cuts[len(cuts) * number // points] for number in range(points)}))

    async def _points(self, swept: Swept, cuts: Iterable[Cut]) -> None:
        async with asyncio.TaskGroup() as group:
            for cut in cuts:
                group.create_task(self._point(swept, cut))

    async def _point(self, swept: Swept, cut: Cut) -> None:
        async with self._at_once:
            outcome = await disturbed(self._stage, swept.scenario, Trial(cut=cut, end=swept.measure.end))
        self._tell(outcome)
        if outcome.is_reached or not outcome.is_well:
            swept.points.append(outcome)

    async def _beyond(self, swept: Swept) -> AsyncIterator[Cut]:
        """A killed operator's successor may write more than the measure did: those writes are swept, too."""
        for write in itertools.count(swept.measure.writes + 1):
            for after in (False, True):
                yield Cut(write, after)
            if not any(outcome.cut and outcome.cut.write == write for outcome in swept.points):
                return


def _cuts(measure: Outcome) -> list[Cut]:
    return [Cut(write, after) for write in range(1, measure.writes + 1) for after in (False, True)]
