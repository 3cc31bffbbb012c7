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
from tests.e2e.namespace import Namespace, kubectl
from tests.e2e.objects import a_foreign_service, digest_of
from tests.kit.waiting import wait_until

LR, RFC = "titanic-lr.tar.gz", "titanic-rfc.tar.gz"
MADE = (CLAIM, JOB, SERVICE, DEPLOYMENT, POD)


def made(namespace: Namespace) -> list[str]:
    return sorted(f"{kind.name}/{obj['metadata']['name']}" for kind in MADE for obj in namespace.all(kind))


def test_an_artifact_is_fetched_by_a_job_and_served(namespace: Namespace, artifacts: str, storage: str) -> None:
    namespace.apply(a_titanic_mlmodel("titanic", LR, artifacts=artifacts, storageClass=storage, replicas=2))

    status = until_phase(namespace, "titanic", "Ready")

    assert status["readyReplicas"] == 2
    assert [claim["metadata"]["name"] for claim in namespace.all(CLAIM)] == [f"titanic-{status['version']}"]
    answer = invoke(namespace, "titanic")
    assert (answer.status_code, "probability" in answer.text) == (200, True), answer.text


def test_a_server_of_another_contract_is_served_as_well(namespace: Namespace) -> None:
    namespace.apply(a_server_of_another_contract("half-plus-two"))

    until_phase(namespace, "half-plus-two", "Ready")

    answer = invoke(namespace, "half-plus-two", path="v1/models/half-plus-two:predict", body="1")
    assert (answer.status_code, answer.text) == (200, "half-plus-two")


def test_a_wrong_digest_fails_an_update_until_it_is_mended(namespace: Namespace, artifacts: str, storage: str) -> None:
    namespace.apply(a_titanic_mlmodel("titanic", LR, artifacts=artifacts, storageClass=storage))
    old = until_phase(namespace, "titanic", "Ready")["version"]

    rfc = {"artifact": f"http://artifacts.{artifacts}.svc/{RFC}"}
    namespace.edit(MLMODEL, "titanic", rfc | {"artifactDigest": f"sha256:{'0' * 64}"})
    failed = until_phase(namespace, "titanic", "Failed")
    assert "digest" in failed["message"]
    assert failed["message"].endswith(f"Version {old} continues to serve.")
    assert invoke(namespace, "titanic").status_code == 200

    namespace.edit(MLMODEL, "titanic", {"artifactDigest": digest_of(RFC)})
    status = until_phase(namespace, "titanic", "Ready")
    wait_until(lambda: len(namespace.all(CLAIM)) == 1, "the claims of other versions are gone")
    assert status["servingVersion"] not in (old, failed["version"])


def test_a_pod_that_crashes_fails_an_update_and_leaves_the_old_one(namespace: Namespace) -> None:
    namespace.apply(a_server_of_another_contract("echo"))
    until_phase(namespace, "echo", "Ready")

    namespace.edit(MLMODEL, "echo", {"command": ["python3", "-c", "raise SystemExit('no such model')"]})

    failed = until_phase(namespace, "echo", "Failed")
    assert "no such model" in failed["message"]
    assert invoke(namespace, "echo", body="1").text == "echo"


def test_an_update_loses_no_request(namespace: Namespace, is_local: bool) -> None:  # noqa: FBT001 (a fixture)
    if not is_local:
        pytest.skip("callers need the Service's address within reach")
    namespace.apply(a_server_of_another_contract("echo", replicas=2))
    until_phase(namespace, "echo", "Ready")
    address = namespace.get(SERVICE, "echo")["spec"]["clusterIP"]

    with Callers(f"http://{address}/invocations", count=4) as callers:
        callers.until_more(100)
        namespace.edit(MLMODEL, "echo", {"env": [{"name": "ANSWER", "value": "new"}]})
        until_phase(namespace, "echo", "Ready")
        wait_until(lambda: len(namespace.all(POD)) == 2, "the old pods are gone")
        callers.until_more(100)

    assert callers.lost == []
    assert {"200 echo", "200 new"} == set(callers.answers)


def test_kubectl_scales_it_by_its_short_name(namespace: Namespace) -> None:
    namespace.apply(a_server_of_another_contract("echo"))
    version = until_phase(namespace, "echo", "Ready")["version"]

    kubectl("--namespace", namespace.name, "scale", "mlmodel", "echo", "--replicas", "2")

    status = until_phase(namespace, "echo", "Ready")
    assert (status["version"], status["readyReplicas"]) == (version, 2)


def test_a_service_of_somebody_else_is_left_alone(namespace: Namespace) -> None:
    namespace.apply(a_foreign_service("echo"))
    before = namespace.get(SERVICE, "echo")

    namespace.apply(a_server_of_another_contract("echo"))

    assert "was not created by the operator" in until_phase(namespace, "echo", "Failed")["message"]
    assert namespace.get(SERVICE, "echo") == before
    namespace.delete(SERVICE, "echo")
    until_phase(namespace, "echo", "Ready")


def test_deletion_leaves_nothing(namespace: Namespace, artifacts: str, storage: str) -> None:
    namespace.apply(a_titanic_mlmodel("titanic", LR, artifacts=artifacts, storageClass=storage))
    until_phase(namespace, "titanic", "Ready")

    namespace.delete(MLMODEL, "titanic")

    namespace.until_gone(MLMODEL, "titanic")
    wait_until(lambda: not made(namespace), "nothing is left", last=lambda: made(namespace))


def test_an_image_that_cannot_be_pulled_is_told(namespace: Namespace) -> None:
    namespace.apply(an_mlmodel("absent", image="localhost/absent:none"))

    assert "localhost/absent:none" in until_phase(namespace, "absent", "Failed")["message"]
