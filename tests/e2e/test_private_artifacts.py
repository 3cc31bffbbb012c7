"""Artifacts behind a Secret and on claims: a real kubelet mounts what model-init needs, or does not."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlendpoints.edge.kube.kinds import CLAIM, ENDPOINT
from tests.e2e.conftest import VOLUMES
from tests.e2e.mlmodels import a_titanic_mlmodel, invoke, until_phase
from tests.e2e.namespace import Namespace, condition_of
from tests.e2e.objects import EXAMPLE, a_config, a_titanic_model, a_variant, an_endpoint
from tests.kit.sync_client import Object
from tests.kit.waiting import wait_until

LR = "titanic-lr.tar.gz"


@pytest.fixture
def storage_class(namespace: Namespace, storage: str, is_local: bool) -> Iterator[str]:  # noqa: FBT001 (a fixture)
    """A class with volumes on this machine; the claim of this file's tests goes first."""
    if not is_local:
        pytest.skip("the volumes' files must be within reach")
    yield storage
    namespace.delete(CLAIM, "models")


def a_claim(storage_class: str) -> Object:
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "16Mi"}}}
    spec = {"storageClassName": storage_class, **asked}
    return {"apiVersion": "v1", "kind": CLAIM.name, "metadata": {"name": "models"}, "spec": spec}


def owner(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_uid, found.st_gid, found.st_mode


def test_an_endpoint_says_which_secret_it_waits_for_and_goes_on_when_it_is_there(
    namespace: Namespace, artifacts: str
) -> None:
    model = a_titanic_model("lr", LR, artifacts=artifacts)
    namespace.apply(
        model | {"spec": model["spec"] | {"artifactSecret": "reader"}},
        a_config("titanic", a_variant("blue", "lr")),
        an_endpoint("titanic", config="titanic", host=namespace.host("titanic")),
    )

    def said() -> str:
        return str(condition_of(namespace.get(ENDPOINT, "titanic"), "ModelsReady").get("message", ""))

    wait_until(lambda: "is waiting for Secret reader to be mounted." in said(), "it says which Secret", last=said)
    namespace.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "reader"}, "stringData": {"token": "t"}}
    )
    namespace.until_ready("titanic")

    wait_until(
        lambda: namespace.instances("titanic")[0].get("status", {}).get("fetched"), "the size of the download is told"
    )


def test_a_claim_is_fetched_from_and_keeps_its_owners(namespace: Namespace, storage_class: str) -> None:
    namespace.apply(a_claim(storage_class))
    volume = wait_until(lambda: namespace.get(CLAIM, "models")["spec"].get("volumeName"), "the claim has a volume")
    folder = VOLUMES / storage_class / volume.rpartition("-")[2]
    archive = Path(shutil.copy(EXAMPLE / "artifacts" / LR, folder))
    owners = owner(folder), owner(archive)

    model = {"artifact": f"pvc://models/{LR}", "storageClass": storage_class}
    namespace.apply(a_titanic_mlmodel("titanic", LR, artifacts="", **model))
    until_phase(namespace, "titanic", "Ready")

    assert invoke(namespace, "titanic").status_code == 200
    assert owners == (owner(folder), owner(archive))
