"""An operator with the chart's rights, a real API server, Kubernetes' own controllers of Deployments and Jobs."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from mlendpoints.edge.kube.kinds import CLAIM, DEPLOYMENT, JOB, MLMODEL, POD, SERVICE, Kind
from tests.apiserver.mlmodel.kubelet import TERMINATION_MESSAGE
from tests.apiserver.mlmodel.rig import Rig, Scenario, a_spec, play
from tests.kit.client import Object, RequestError

Play = Callable[[Scenario], None]

NEXT = "http://models.example.com/2.tar.gz"
BAD = "http://models.example.com/bad.tar.gz"


@pytest.fixture
def stage(workloads_kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    return partial(play, workloads_kubeconfig, monkeypatch)


async def ready(rig: Rig, **spec: object) -> Object:
    """The status of a new one that has become ready."""
    rig.kubelet.bad_images.add("bad:1")
    rig.kubelet.bad_artifacts.add(BAD)
    await rig.create(MLMODEL, "titanic", a_spec(**spec))
    return await rig.until("Ready")


def containers(deployment: Object) -> dict[str, Object]:
    spec = deployment["spec"]["template"]["spec"]
    return {container["name"]: container for container in (*spec.get("initContainers", ()), *spec["containers"])}


async def only_one_version(rig: Rig, version: str) -> bool:
    return await rig.names(CLAIM) == [f"titanic-{version}"] == await rig.names(JOB)


def test_a_new_one_is_fetched_and_served_with_one_write_for_each_object(stage: Play) -> None:
    async def scenario(rig: Rig) -> None:
        status = await ready(rig, replicas=2)

        version = status["version"]
        assert status["servingVersion"] == version
        assert status["serviceEndpoint"] == f"http://titanic.{rig.namespace}.svc"
        assert (status["replicas"], status["readyReplicas"]) == (2, 2)
        assert await only_one_version(rig, version)
        assert {write: n for write, n in rig.writes().items() if write[1] not in ("Event", "MLModel")} == {
            ("create", "PersistentVolumeClaim"): 1,
            ("create", "Job"): 1,
            ("create", "Service"): 2,
            ("create", "Deployment"): 1,
        }

    stage(scenario)


def test_what_its_download_came_to_is_told(stage: Play) -> None:
    async def scenario(rig: Rig) -> None:
        status = await ready(rig)

        assert status["fetched"] == "1.2 GiB in 5.9 s (208.3 MiB/s)"

    stage(scenario)


def test_a_download_waits_for_its_secret_says_so_and_goes_on(stage: Play) -> None:
    async def scenario(rig: Rig) -> None:
        rig.kubelet.missing_secrets.add("reader")
        await rig.create(MLMODEL, "titanic", a_spec(artifact="s3://models/titanic", artifactSecret="reader"))
        await rig.eventually(lambda: _says(rig, "is waiting for PersistentVolumeClaim"), "it says so")
        status = await rig.until("Downloading")
        claim = f"PersistentVolumeClaim titanic-{status['version']}"
        assert f"{claim} and Secret reader to be mounted. If this persists, check that each exists" in status["message"]

        await rig.kubelet.fix()

        await rig.until("Ready")

    stage(scenario)


async def _says(rig: Rig, words: str) -> bool:
    return words in (await rig.get(MLMODEL)).get("status", {}).get("message", "")


def test_what_is_as_asked_is_neither_written_nor_read_again(stage: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await ready(rig)
        deployment = await rig.get(DEPLOYMENT)
        before, reads = rig.writes(), rig.reads()

        await rig.edit({"paused": False}, kind=DEPLOYMENT)
        await rig.create(MLMODEL, "other", {"image": "model:1"})
        await rig.eventually(lambda: _is_there(rig, "other"), "another one is there")

        assert (await rig.get(DEPLOYMENT))["metadata"]["generation"] == deployment["metadata"]["generation"]
        assert {w: n for w, n in (rig.writes() - before).items() if w[0] in ("apply", "update", "delete")} == {}
        assert rig.reads() == reads

    stage(scenario)


async def _is_there(rig: Rig, name: str) -> bool:
    return bool((await rig.get(MLMODEL, name)).get("status", {}).get("phase") == "Ready")


def test_without_an_artifact_there_is_neither_claim_nor_job(stage: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await ready(rig, artifact="")

        assert (await rig.names(CLAIM), await rig.names(JOB)) == ([], [])
        assert "model-init" not in containers(await rig.get(DEPLOYMENT))

    stage(scenario)


def test_kubectl_scale_changes_the_count_of_pods_and_no_version(stage: Play) -> None:
    async def scenario(rig: Rig) -> None:
        version = (await ready(rig))["version"]
        template = (await rig.get(DEPLOYMENT))["spec"]["template"]

        await rig.edit({"replicas": 3}, subresource="scale")
        status = await rig.until("Ready", readyReplicas=3)

        assert status["version"] == version
        assert (await rig.get(DEPLOYMENT))["spec"]["template"] == template

    stage(scenario)


def test_an_update_takes_the_place_of_the_old_version_and_leaves_nothing_of_it(stage: Play) -> None:
    async def scenario(rig: Rig) -> None:
        old = (await ready(rig, env=[{"name": "A"}, {"name": "B"}]))["version"]

        await rig.edit({"artifact": NEXT, "env": [{"name": "B"}]})
        status = await rig.until("Ready")

        assert status["version"] != old
        assert rig.kubelet.answering() == {status["version"]}
        assert [variable["name"] for variable in containers(await rig.get(DEPLOYMENT))["model"]["env"]] == ["B"]
        await rig.eventually(lambda: only_one_version(rig, status["version"]), "the old version is gone")

    stage(scenario)


def test_an_update_that_needs_no_artifact_any_more_loses_its_fetcher_and_its_claim(stage: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await ready(rig)

        await rig.edit({"artifact": None, "nodeSelector": {"a": "b"}})
        await rig.until("Ready")

        deployment = await rig.get(DEPLOYMENT)
        assert "model-init" not in containers(deployment)
        assert [volume["name"] for volume in deployment["spec"]["template"]["spec"]["volumes"]] == [
            "nginx-tmp",
            "bodies",
        ]
        await rig.eventually(lambda: _nothing_is_stored(rig), "the claim is gone")

    stage(scenario)


async def _nothing_is_stored(rig: Rig) -> bool:
    return await rig.names(CLAIM) == [] == await rig.names(JOB)


def test_a_download_that_fails_leaves_the_old_version_and_can_be_tried_again_at_once(stage: Play) -> None:
    async def scenario(rig: Rig) -> None:
        old = (await ready(rig))["version"]

        await rig.edit({"artifact": BAD})
        status = await rig.until("Failed")
        assert "http://models.example.com has another digest" in status["message"]
        assert status["message"].endswith(f"Version {old} continues to serve.")
        assert (status["servingVersion"], rig.kubelet.answering()) == (old, {old})

        await rig.kubelet.fix()
        await rig.delete(JOB, f"titanic-{status['version']}")
        await rig.until("Ready", version=status["version"])
        assert rig.kubelet.answering() == {status["version"]}

    stage(scenario)


def test_pods_that_fail_leave_the_old_version_and_recover_by_themselves(stage: Play) -> None:
    async def scenario(rig: Rig) -> None:
        old = (await ready(rig, replicas=2))["version"]

        await rig.edit({"image": "bad:1"})
        status = await rig.until("Failed")
        assert TERMINATION_MESSAGE in status["message"]
        assert status["message"].endswith(f"Version {old} continues to serve.")
        assert (rig.kubelet.answering(), status["readyReplicas"]) == ({old}, 2)
        assert await rig.names(CLAIM) == sorted(f"titanic-{version}" for version in (old, status["version"]))

        await rig.kubelet.fix()
        await rig.until("Ready", version=status["version"])
        await rig.eventually(lambda: only_one_version(rig, status["version"]), "the old version is gone")

    stage(scenario)


def test_a_failed_update_can_be_taken_back(stage: Play) -> None:
    async def scenario(rig: Rig) -> None:
        old = (await ready(rig))["version"]
        pods = await rig.names(POD)
        await rig.edit({"image": "bad:1"})
        await rig.until("Failed")

        await rig.edit({"image": "model:1"})
        await rig.until("Ready", version=old)

        assert set(pods) <= set(await rig.names(POD)), "a pod of the old version was replaced"
        await rig.eventually(lambda: only_one_version(rig, old), "the failed version is gone")

    stage(scenario)


def test_hand_edits_and_deletions_are_mended(stage: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await ready(rig)

        await rig.edit({"strategy": {"rollingUpdate": {"maxUnavailable": 1}}}, kind=DEPLOYMENT)
        await rig.eventually(lambda: _is_careful(rig), "the Deployment is as it was written")
        for kind in (SERVICE, DEPLOYMENT):
            uid = (await rig.get(kind))["metadata"]["uid"]
            await rig.delete(kind, "titanic")
            await rig.eventually(partial(_is_another, rig, kind, uid), f"the {kind.name} is back")
        await rig.until("Ready")

    stage(scenario)


async def _is_careful(rig: Rig) -> bool:
    strategy = (await rig.get(DEPLOYMENT))["spec"]["strategy"]
    return bool(strategy["rollingUpdate"]["maxUnavailable"] == 0)


async def _is_another(rig: Rig, kind: Kind, uid: str) -> bool:
    try:
        found = await rig.get(kind)
    except RequestError:
        return False
    return bool(found["metadata"]["uid"] != uid)


@pytest.mark.parametrize("kind", [SERVICE, DEPLOYMENT], ids=lambda kind: kind.name)
def test_somebody_elses_object_is_never_touched(stage: Play, kind: Kind) -> None:
    async def scenario(rig: Rig) -> None:
        theirs = THEIRS[kind.name]
        await rig.create(kind, "titanic", theirs)
        before = (await rig.get(kind))["spec"]

        await rig.create(MLMODEL, "titanic", a_spec(artifact=""))
        status = await rig.until("Failed")

        assert [c["reason"] for c in status["conditions"] if c["type"] == "Ready"] == ["NotOwned"]
        assert "was not created by the operator" in status["message"]
        found = await rig.get(kind)
        assert found["spec"] == before
        assert "labels" not in found["metadata"]

    stage(scenario)


THEIRS: dict[str, Object] = {
    "Service": {"ports": [{"name": "http", "port": 80}]},
    "Deployment": {
        "replicas": 0,
        "selector": {"matchLabels": {"theirs": "yes"}},
        "template": {
            "metadata": {"labels": {"theirs": "yes"}},
            "spec": {"containers": [{"name": "a", "image": "theirs:1"}]},
        },
    },
}
