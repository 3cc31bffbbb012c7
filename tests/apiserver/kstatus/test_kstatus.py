"""What kstatus makes of an endpoint: the library by which Flux and other tools wait, built from its Go module."""

import json
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from mlendpoints.api.meta import API_VERSION
from mlendpoints.core.world import ContainerFacts
from tests.kit import builders
from tests.simulation import Cluster

SECOND = "registry.example.com/titanic-rfc:2"
GO = shutil.which("go") or "/usr/local/go/bin/go"


@pytest.fixture(scope="module")
def kstatus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("kstatus") / "kstatus"
    subprocess.run([GO, "build", "-o", program, "."], cwd=Path(__file__).parent, check=True, timeout=600)
    return program


def said(program: Path, cluster: Cluster) -> str:
    assert cluster.endpoint is not None
    stored = {"apiVersion": API_VERSION, "kind": cluster.endpoint.KIND} | msgspec.to_builtins(cluster.endpoint)
    done = subprocess.run([program], input=json.dumps(stored), check=True, capture_output=True, text=True, timeout=60)
    return done.stdout.strip()


def serving() -> Cluster:
    return Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model()).settle()


def test_an_endpoint_in_service_is_current(kstatus: Path) -> None:
    assert said(kstatus, serving()) == "Current"


def test_an_update_is_in_progress_until_callers_get_it_and_current_while_old_pods_leave(kstatus: Path) -> None:
    cluster = serving()
    cluster.leaving_pods[cluster.instance("blue")] = 5
    cluster.models["titanic-rfc"] = builders.a_model(image=SECOND)
    cluster.reconcile()

    assert said(kstatus, cluster) == "InProgress"

    while len(cluster.status.history) < 2:
        cluster.reconcile()

    assert cluster.status.update.phase == "RemovingOld"
    assert said(kstatus, cluster) == "Current"


def test_an_edit_that_was_not_looked_at_yet_is_in_progress(kstatus: Path) -> None:
    cluster = serving()
    cluster.edit_endpoint(config="other")

    assert said(kstatus, cluster) == "InProgress"


def test_an_update_that_failed_is_not_current(kstatus: Path) -> None:
    cluster = serving()
    cluster.broken_images[SECOND] = ContainerFacts(name="model", waiting_reason="ImagePullBackOff")
    cluster.models["titanic-rfc"] = builders.a_model(image=SECOND)
    cluster.settle().wait_until_recheck()

    assert cluster.status.history[0].outcome == "Failed"
    assert said(kstatus, cluster) == "InProgress"


def test_an_endpoint_that_is_deleted_is_terminating(kstatus: Path) -> None:
    cluster = serving()
    cluster.delete_endpoint()

    assert said(kstatus, cluster) == "Terminating"
