"""Two operators whose clocks differ take turns in the midst of updates: one writes at a time, and nothing is lost."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct, field

from mlendpoints.edge.engine import Process
from mlendpoints.edge.kube.kinds import LEASE
from mlendpoints.edge.lease import LeaseTimes
from tests.apiserver.faults.answers import WithoutLease
from tests.apiserver.faults.playing import on_stage
from tests.apiserver.faults.trial import Trials
from tests.kit.client import Client
from tests.sweep.life import run
from tests.sweep.rules import Evidence, Violation, judge
from tests.sweep.scenarios import BY_NAME
from tests.sweep.stage import Point
from tests.sweep.user import User, variant
from tests.sweep.wire import Call, Ledger
from tests.sweep.workloads import Behaviour

SKEW = 90.0  # seconds by which one clock is ahead, and the other behind
TIMES = LeaseTimes(duration=3, renew_within=2.0, renew_every=0.5, retry=0.1)
FIRST = Process(identity="first", lease_times=TIMES, clock=lambda: time.time() + SKEW)
SECOND = Process(identity="second", lease_times=TIMES, clock=lambda: time.time() - SKEW)
SWAP = BY_NAME["swap"]


class Holders(Struct):
    """Who held the lease from which revision on."""

    known: list[tuple[int, str]] = field(default_factory=list)

    async def follow(self, client: Client, namespace: str) -> None:
        async for event in client.follow(LEASE.path(namespace)):
            lease = msgspec.json.decode(event.object)
            self.known.append((int(lease["metadata"]["resourceVersion"]), lease["spec"]["holderIdentity"]))

    @property
    def now(self) -> str:
        return self.known[-1][1] if self.known else ""

    @property
    def turns(self) -> list[str]:
        """Holders in order, each as often as it took over."""
        holders = [holder for _, holder in self.known]
        return [holder for before, holder in zip(["", *holders], holders, strict=False) if holder != before]

    def at(self, revision: int) -> str:
        return next((holder for since, holder in reversed(self.known) if since <= revision), "")


class Played(Struct, frozen=True):
    """What came of it."""

    holders: Holders
    writes: dict[str, list[Call]]  # by operator
    violations: list[Violation]
    outcomes: list[str]


@asynccontextmanager
async def followed(point: Point) -> AsyncIterator[Holders]:
    holders = Holders()
    task = asyncio.create_task(holders.follow(point.stage.client, point.namespace))
    try:
        yield holders
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def hand_over(point: Point, holders: Holders, loser: WithoutLease, winner: WithoutLease, name: str) -> None:
    """Cuts one off from the lease, and from nothing else, until the other has it."""
    loser.is_cut_off, winner.is_cut_off = True, False
    await point.record.until(lambda: holders.now == name, f"{name} holds the lease")


async def begin(user: User, model: str) -> None:
    """An update that waits for pods."""
    user.pods(model, Behaviour.STARTING)
    await user.share(variant("blue", model))
    await user.sees_pods_of(model)


async def take_turns(trials: Trials) -> Played:
    one, other, ledger = WithoutLease(share=0.3, seed=1), WithoutLease(share=0.3, seed=2), Ledger()
    async with (
        trials.behind(SWAP, one, process=FIRST) as (point, _),
        followed(point) as holders,
        trials.beside(point, ledger, other, SECOND),
    ):
        other.is_cut_off = True  # until it is its turn: a machine that stalls hands the lease to nobody
        one.armed = other.armed = True
        user = point.user
        await begin(user, "deep")
        await hand_over(point, holders, one, other, SECOND.identity)
        user.pods("deep", Behaviour.READY)
        await user.sees_it_as_asked()
        await user.sees_no_pods_of("forest")
        await begin(user, "forest")
        await hand_over(point, holders, other, one, FIRST.identity)
        user.pods("forest", Behaviour.READY)
        await user.sees_it_as_asked()
        await point.settled()
        calls = {FIRST.identity: point.ledger.everything, SECOND.identity: ledger.everything}
        answers = point.gateways.answers(point.namespace)
        evidence = Evidence(point.record, [call for made in calls.values() for call in made], answers, user)
        seen, _ = holders.known[0]
        writes = {name: [call for call in made if call.revision > seen] for name, made in calls.items()}
        return Played(holders, writes, judge(evidence), user.outcomes())


@pytest.fixture(scope="module")
def played(collecting_kubeconfig: Path) -> Played:
    async def play() -> Played:
        async with on_stage(collecting_kubeconfig) as trials:
            return await take_turns(trials)

    return run(play())


def test_each_takes_over_in_the_midst_of_an_update_of_the_other(played: Played) -> None:
    assert played.holders.turns == ["first", "second", "first"]
    assert all(played.writes.values())


def test_whoever_writes_holds_the_lease(played: Played) -> None:
    for name, writes in played.writes.items():
        assert {played.holders.at(call.revision) for call in writes} == {name}


def test_updates_succeed_whatever_the_clocks_say_and_the_invariants_hold(played: Played) -> None:
    assert played.outcomes == ["Succeeded"] * 3
    assert "\n".join(map(str, played.violations)) == ""
