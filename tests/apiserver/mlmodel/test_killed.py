"""The operator is killed before and after each of its writes while an MLModel is made and updated: it ends the same."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mlendpoints.edge.kube.kinds import CLAIM, JOB, MLMODEL
from tests.apiserver.mlmodel.rig import Rig, a_spec, unattended
from tests.kit.running_operator import PLANS, settings_of
from tests.sweep.life import Life, follow_tasks, run
from tests.sweep.stage import Connection
from tests.sweep.wire import Cut, Ledger, Wire

AT_ONCE = 4  # stories
FEWER = 5  # writes that a disturbed story may do without: details of a status, and events
NEXT = {"artifact": "http://models.example.com/2.tar.gz", "replicas": 2}


class Told:
    """What came of one story."""

    def __init__(self, cut: Cut | None) -> None:
        self.cut = cut
        self.ledger = Ledger()
        self.lives = 0
        self.problem = ""


async def tell(kubeconfig: Path, told: Told) -> Told:
    """One MLModel is made, updated and scaled, with the operator killed at the cut."""
    told.ledger.arm(told.cut)
    async with unattended(kubeconfig) as rig, living(Connection(kubeconfig), rig, told):
        await rig.create(MLMODEL, "titanic", a_spec())
        await rig.until("Ready")
        await rig.edit(NEXT)
        status = await rig.until("Ready")
        await rig.eventually(lambda: is_alone(rig, status["version"]), f"the old version is gone ({told.cut})")
        if rig.kubelet.fell_silent or rig.kubelet.answering() != {status["version"]}:
            told.problem = f"{told.cut}: silent {rig.kubelet.fell_silent}, answering {rig.kubelet.answering()}"
    return told


async def is_alone(rig: Rig, version: str) -> bool:
    claims, jobs = await rig.names(CLAIM), await rig.names(JOB)
    return claims == [f"titanic-{version}"] and set(jobs) <= set(claims)


@asynccontextmanager
async def living(connection: Connection, rig: Rig, told: Told) -> AsyncIterator[None]:
    """An operator at work that is restarted whenever it is killed."""

    def live() -> Life:
        wire = Wire(told.ledger)
        api = connection.api(wire)
        return Life(settings=settings_of(rig.namespace), plans=PLANS, api=api, wire=wire)

    async def supervise() -> None:
        while True:
            life, told.lives = live(), told.lives + 1
            try:
                await life.ended()
            finally:
                await life.kill()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(supervise())
        yield
        task.cancel()


async def tell_all(kubeconfig: Path, cuts: list[Cut | None]) -> list[Told]:
    at_once = asyncio.Semaphore(AT_ONCE)

    async def one(cut: Cut | None) -> Told:
        async with at_once:
            return await tell(kubeconfig, Told(cut))

    follow_tasks()
    return await asyncio.gather(*(one(cut) for cut in cuts))


def test_killed_at_any_write_it_ends_the_same(workloads_kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(workloads_kubeconfig))
    (undisturbed,) = run(tell_all(workloads_kubeconfig, [None]))
    writes = undisturbed.ledger.writes
    cuts = [Cut(write, after) for write in range(1, writes + 1) for after in (False, True)]

    told = run(tell_all(workloads_kubeconfig, list(cuts)))

    assert [one.problem for one in (undisturbed, *told) if one.problem] == []
    reached = [one for one in told if one.lives > 1]
    assert len(reached) >= 2 * (writes - FEWER) > 0
