"""How an MLModel goes, and comes back under its name."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from mlendpoints.edge.kube.kinds import DEPLOYMENT, MLMODEL
from tests.apiserver.mlmodel.rig import Rig, Scenario, a_spec, play

Play = Callable[[Scenario], None]


@pytest.fixture
def stage(workloads_kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    return partial(play, workloads_kubeconfig, monkeypatch)


async def nothing_is_left(rig: Rig) -> bool:
    return await rig.made() == []


def test_deletion_removes_everything(stage: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.create(MLMODEL, "titanic", a_spec(replicas=2))
        await rig.until("Ready")
        assert await rig.made()

        await rig.delete(MLMODEL, "titanic")

        await rig.eventually(lambda: nothing_is_left(rig), "nothing is left")

    stage(scenario)


def test_while_somebody_holds_it_it_says_that_it_goes_and_nothing_is_made(stage: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.create(MLMODEL, "titanic", a_spec())
        await rig.until("Ready")
        await rig.hold("titanic")
        await rig.delete(MLMODEL, "titanic")
        await rig.until("Terminating")

        await rig.delete(DEPLOYMENT, "titanic")
        writes = rig.writes()
        await rig.release("titanic")

        await rig.eventually(lambda: nothing_is_left(rig), "nothing is left")
        assert [write for write in rig.writes() - writes if write[0] != "patch"] == []

    stage(scenario)


def test_one_of_the_same_name_comes_after_it_at_once(stage: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.create(MLMODEL, "titanic", a_spec())
        old = (await rig.until("Ready"))["version"]

        await rig.delete(MLMODEL, "titanic")
        await rig.create(MLMODEL, "titanic", a_spec())
        status = await rig.until("Ready")

        assert status["version"] != old
        await rig.eventually(lambda: _serves_alone(rig, status["version"]), "nothing of the first one is left")

    stage(scenario)


async def _serves_alone(rig: Rig, version: str) -> bool:
    made = [name for name in await rig.made() if not name.startswith(("Pod/", "Deployment/", "Service/"))]
    return made == [f"Job/titanic-{version}", f"PersistentVolumeClaim/titanic-{version}"]
