"""The one-resource path on a whole cluster: from an artifact to a served model, and through its updates."""

import pytest

from mlendpoints.edge.kube.kinds import CLAIM, DEPLOYMENT, JOB, MLMODEL, POD, SERVICE
from tests.e2e.mlmodels import (
    Callers,
    a_server_of_another_contract,
    a_titanic_mlmodel,
    an_mlmodel,
    invoke,
    until_phase,
)
from tests.e2e.objects import a_foreign_service, digest_of
from tests.e2e.place import Place, kubectl
from tests.kit.waiting import wait_until

LR, RFC = "titanic-lr.tar.gz", "titanic-rfc.tar.gz"
MADE = (CLAIM, JOB, SERVICE, DEPLOYMENT, POD)


def made(place: Place) -> list[str]:
    return sorted(f"{kind.name}/{obj['metadata']['name']}" for kind in MADE for obj in place.all(kind))


def test_an_artifact_is_fetched_by_a_job_and_served(place: Place, artifacts: str, storage: str) -> None:
    place.apply(a_titanic_mlmodel("titanic", LR, artifacts=artifacts, storageClass=storage, replicas=2))

    status = until_phase(place, "titanic", "Ready")

    assert status["readyReplicas"] == 2
    assert [claim["metadata"]["name"] for claim in place.all(CLAIM)] == [f"titanic-{status['version']}"]
    answer = invoke(place, "titanic")
    assert (answer.status_code, "probability" in answer.text) == (200, True), answer.text


def test_a_server_of_another_contract_is_served_as_well(place: Place) -> None:
    place.apply(a_server_of_another_contract("half-plus-two"))

    until_phase(place, "half-plus-two", "Ready")

    answer = invoke(place, "half-plus-two", path="v1/models/half-plus-two:predict", body="1")
    assert (answer.status_code, answer.text) == (200, "half-plus-two")


def test_a_wrong_digest_fails_an_update_until_it_is_mended(place: Place, artifacts: str, storage: str) -> None:
    place.apply(a_titanic_mlmodel("titanic", LR, artifacts=artifacts, storageClass=storage))
    old = until_phase(place, "titanic", "Ready")["version"]

    rfc = {"artifact": f"http://artifacts.{artifacts}.svc/{RFC}"}
    place.edit(MLMODEL, "titanic", rfc | {"artifactDigest": f"sha256:{'0' * 64}"})
    failed = until_phase(place, "titanic", "Failed")
    assert "digest" in failed["message"]
    assert failed["message"].endswith(f"Version {old} goes on serving.")
    assert invoke(place, "titanic").status_code == 200

    place.edit(MLMODEL, "titanic", {"artifactDigest": digest_of(RFC)})
    status = until_phase(place, "titanic", "Ready")
    wait_until(lambda: len(place.all(CLAIM)) == 1, "the claims of other versions are gone")
    assert status["servingVersion"] not in (old, failed["version"])


def test_a_pod_that_crashes_fails_an_update_and_leaves_the_old_one(place: Place) -> None:
    place.apply(a_server_of_another_contract("echo"))
    until_phase(place, "echo", "Ready")

    place.edit(MLMODEL, "echo", {"command": ["python3", "-c", "raise SystemExit('no such model')"]})

    failed = until_phase(place, "echo", "Failed")
    assert "no such model" in failed["message"]
    assert invoke(place, "echo", body="1").text == "echo"


def test_an_update_loses_no_request(place: Place, is_local: bool) -> None:  # noqa: FBT001 (a fixture)
    if not is_local:
        pytest.skip("callers need the Service's address within reach")
    place.apply(a_server_of_another_contract("echo", replicas=2))
    until_phase(place, "echo", "Ready")
    address = place.get(SERVICE, "echo")["spec"]["clusterIP"]

    with Callers(f"http://{address}/invocations", count=4) as callers:
        callers.until_more(100)
        place.edit(MLMODEL, "echo", {"env": [{"name": "ANSWER", "value": "new"}]})
        until_phase(place, "echo", "Ready")
        wait_until(lambda: len(place.all(POD)) == 2, "the old pods are gone")
        callers.until_more(100)

    assert callers.lost == []
    assert {"200 echo", "200 new"} == set(callers.answers)


def test_kubectl_scales_it_by_its_short_name(place: Place) -> None:
    place.apply(a_server_of_another_contract("echo"))
    version = until_phase(place, "echo", "Ready")["version"]

    kubectl("--namespace", place.name, "scale", "mlmodel", "echo", "--replicas", "2")

    status = until_phase(place, "echo", "Ready")
    assert (status["version"], status["readyReplicas"]) == (version, 2)


def test_a_service_of_somebody_else_is_left_alone(place: Place) -> None:
    place.apply(a_foreign_service("echo"))
    before = place.get(SERVICE, "echo")

    place.apply(a_server_of_another_contract("echo"))

    assert "was not created by the operator" in until_phase(place, "echo", "Failed")["message"]
    assert place.get(SERVICE, "echo") == before
    place.delete(SERVICE, "echo")
    until_phase(place, "echo", "Ready")


def test_deletion_leaves_nothing(place: Place, artifacts: str, storage: str) -> None:
    place.apply(a_titanic_mlmodel("titanic", LR, artifacts=artifacts, storageClass=storage))
    until_phase(place, "titanic", "Ready")

    place.delete(MLMODEL, "titanic")

    place.until_gone(MLMODEL, "titanic")
    wait_until(lambda: not made(place), "nothing is left", last=lambda: made(place))


def test_an_image_that_cannot_be_pulled_is_told(place: Place) -> None:
    place.apply(an_mlmodel("absent", image="localhost/absent:none"))

    assert "localhost/absent:none" in until_phase(place, "absent", "Failed")["message"]
