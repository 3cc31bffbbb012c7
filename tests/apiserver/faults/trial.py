"""One scenario of the sweep's, played through a fault.

Undisturbed, through the same proxy, its end state and its number of calls are
the measure. A call is a request that reached the API server, whatever came of
it, but for the lease's: what a fault answers by itself is none.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx2
from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.edge.engine import Process
from mlendpoints.edge.kube.kinds import EVENT
from mlendpoints.edge.observe.reflector import Timeouts
from tests.apiserver.faults.answers import OlderView
from tests.apiserver.faults.proxy import Call, Fault, Proxy, between
from tests.sweep.life import PROCESS, Life
from tests.sweep.normal import Picture, differences, picture, without_race
from tests.sweep.rules import Evidence, Violation, judge
from tests.sweep.scenarios import Scenario
from tests.sweep.stage import Point, Stage
from tests.sweep.wire import Ledger


class Measure(Struct, frozen=True):
    """What a scenario comes to when nothing goes wrong."""

    end: Picture
    calls: int


class Result(Struct, frozen=True, kw_only=True):
    """What came of one trial."""

    scenario: str
    end: Picture
    calls: list[Call]
    violations: list[Violation]
    problem: str = ""
    before: int = 0  # calls before the operator was restarted

    @property
    def is_well(self) -> bool:
        return not self.problem and not self.violations

    def __str__(self) -> str:
        counted = Counter(f"{call.verb} {call.plural} {call.code}" for call in self.calls)
        calls = f"{len(self.calls)} calls: " + ", ".join(f"{n} {what}" for what, n in sorted(counted.items()))
        return "\n  ".join((self.scenario, *map(str, self.violations), calls, *self.problem.splitlines()))


class Trials:
    """Plays scenarios on one stage, so many at a time."""

    def __init__(self, stage: Stage, api_server: httpx2.AsyncClient, *, jobs: int = 8) -> None:
        self._stage = stage
        self._api_server = api_server
        self._at_once = asyncio.Semaphore(jobs)

    @asynccontextmanager
    async def behind(
        self, scenario: Scenario, fault: Fault, *, process: Process = PROCESS
    ) -> AsyncIterator[tuple[Point, Proxy]]:
        """What stands before a scenario, at rest, in a fresh namespace whose operator is behind a proxy."""
        async with (
            self._at_once,
            between(self._api_server) as proxy,
            self._stage.point(scenario.name, neighbour=scenario.neighbour) as point,
        ):
            proxy.fault = fault

            async with point.operating(detour=proxy.detour, process=process):
                await scenario.prepare(point.user)
                await point.settled()
                proxy.calls.clear()
                yield point, proxy

    @asynccontextmanager
    async def beside(self, point: Point, ledger: Ledger, fault: Fault, process: Process) -> AsyncIterator[Life]:
        """A second operator at a point, behind a proxy of its own."""
        async with between(self._api_server) as proxy:
            proxy.fault = fault

            async with point.beside(ledger, detour=proxy.detour, process=process) as life:
                yield life

    async def measure(self, scenario: Scenario) -> Measure:
        """What it comes to undisturbed; raises ``AssertionError`` when that is not well."""
        result = await self.play(scenario, Fault())
        assert result.is_well, str(result)
        return Measure(result.end, len(result.calls))

    async def play(self, scenario: Scenario, fault: Fault, measure: Measure | None = None) -> Result:
        """Arms the fault as soon as what stands before the scenario is at rest."""
        async with self.behind(scenario, fault) as (point, proxy):
            _relist_often(point)
            fault.armed = True
            problem = await _act(point, scenario, measure)
            return result_of(point, proxy, scenario, problem)

    async def restart(self, scenario: Scenario, *plurals: str) -> Result:
        """Plays it undisturbed, and restarts the operator with a view of some kinds (else of all) from before.

        Which kind it relists first depends on the time, and so does what it begins and takes back meanwhile.
        """
        async with self.behind(scenario, Fault()) as (point, proxy):
            older = OlderView(str(max(change.revision for change in point.record.changes)), *plurals)
            await scenario.act(point.user)
            await point.settled()
            end, standing = without_race(picture(point.record)), _uids(point)
            before = len(_counted(proxy))
            proxy.fault = older
            proxy.calls.clear()
            await _die(point)
            await point.record.until(lambda: _has_decided(point), "it has decided by its older view")
            older.caught_up.set()
            problem = await _settle(point, end, without_race)
            gone = sorted(standing - _uids(point))
            return replace(result_of(point, proxy, scenario, "\n".join((problem, *gone)).strip()), before=before)


def _relist_often(point: Point) -> None:
    """From now on the end of a watch is a reason to relist, as it is for the operator after an hour."""
    assert point.life is not None
    for reflector in point.life.operator.engine.reflectors:
        reflector._timeouts = Timeouts(relist_after=0.0)  # noqa: SLF001 - an hour is too long for a test


async def _die(point: Point) -> None:
    """Kills the operator; the next one starts at once."""
    assert point.life is not None
    lives = point.lives
    point.life.wire.killed.set()
    await point.record.until(lambda: point.lives > lives, "it is restarted")


async def _act(point: Point, scenario: Scenario, measure: Measure | None) -> str:
    try:
        await scenario.act(point.user)
    except TimeoutError as error:
        return "\n".join((str(error), *_words(point)))
    return await _settle(point, measure.end if measure else None)


async def _settle(point: Point, end: Picture | None, seen: Callable[[Picture], Picture] = lambda whole: whole) -> str:
    try:
        await point.settled(lambda: end is None or seen(picture(point.record)) == end)
    except TimeoutError as error:
        return "\n".join((str(error), differences(end or {}, seen(picture(point.record))), *_words(point)))
    return ""


def _uids(point: Point) -> set[str]:
    """Every object that stands, but for events."""
    objects = point.record.objects.items()
    return {f"{ref.kind} {ref.name} {o['metadata']['uid']}" for ref, o in objects if ref.kind != EVENT.name}


def _counted(proxy: Proxy) -> list[Call]:
    """But for those that are repeated by the clock: for the lease, and for an optional kind that is not installed."""
    return [call for call in proxy.calls if call.plural != "leases" and (call.verb, call.code) != ("list", 404)]


def _has_decided(point: Point) -> bool:
    """Whether the operator leads and has looked at everything once, though it may have questions still."""
    if point.life is None or not point.life.leads:
        return False
    queue = point.life.operator.engine.queue
    return len(queue) == 0 and not queue._active  # noqa: SLF001 - nobody else wants to know


def _words(point: Point) -> list[str]:
    """The operator's last."""
    return point.life.log[-40:] if point.life else []


def result_of(point: Point, proxy: Proxy, scenario: Scenario, problem: str) -> Result:
    answers = point.gateways.answers(point.namespace)
    return Result(
        scenario=scenario.name,
        end=picture(point.record),
        calls=_counted(proxy),
        violations=judge(Evidence(point.record, point.ledger.everything, answers, point.user)),
        problem=problem,
    )
