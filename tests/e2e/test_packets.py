"""Capture by gor on the cluster: a privileged namespace captures, a restricted one says why it does not."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from images.catalogue import ROOT
from mlendpoints.edge.kube.kinds import CONFIG, POD
from tests.e2e.conftest import GATEWAY, MakeNamespace, until_empty
from tests.e2e.gateway import Gateways
from tests.e2e.namespace import NAMESPACE, Namespace
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint
from tests.e2e.operator_process import an_operator, environment_of
from tests.kit.images import REGISTRY
from tests.kit.operator_process import variables
from tests.kit.sync_client import Object, SyncClient
from tests.kit.waiting import wait_until

ENFORCE = "pod-security.kubernetes.io/enforce"
CAPTURE = {"engine": "gor", "sink": "https://sink.invalid/captured"}
RECORDS = "mlendpoints_capture_records"


@pytest.fixture(scope="module")
def image(is_local: bool) -> str:  # noqa: FBT001 (a fixture)
    """Of the recorder, in the cluster."""
    if not is_local:
        pytest.skip("the image is brought to the local cluster")
    subprocess.run([sys.executable, "-m", "images", "build", "recorder", "--load"], cwd=ROOT, check=True)
    return f"{REGISTRY}/recorder:dev"


@pytest.fixture(scope="module")
def place(
    image: str,
    server: SyncClient,
    make_namespace: MakeNamespace,
    kubeconfig: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Namespace]:
    place = make_namespace()
    environment = environment_of(kubeconfig, GATEWAY, reachable=True) | variables(recorder_image=image)
    with an_operator(server, [place], environment=environment, logs=tmp_path_factory.mktemp("operator")) as operator:
        operator.start()
        yield place
        until_empty([place])


def enforce(place: Namespace, level: str) -> None:
    path = NAMESPACE.path("", place.name)
    merge = {"Content-Type": "application/merge-patch+json"}
    place.server.ask("PATCH", path, body={"metadata": {"labels": {ENFORCE: level}}}, headers=merge).raise_for_status()


def config(name: str) -> Object:
    return a_config(name, a_variant("blue", name) | {"capture": CAPTURE})


def captured(place: Namespace, pod: Object) -> float:
    path = f"{POD.path(place.name, pod['metadata']['name'])}:9090/proxy/metrics"
    families = text_string_to_metric_families(place.server.ask("GET", path).text)
    (family,) = [family for family in families if family.name == RECORDS]
    return sum(sample.value for sample in family.samples if sample.labels["result"] == "captured")


def test_a_restricted_namespace_rejects_it_and_says_what_to_do(place: Namespace) -> None:
    path = CONFIG.path(place.name, "packets") + "?fieldManager=e2e"
    apply = {"Content-Type": "application/apply-patch+yaml"}
    rejected = place.server.ask("PATCH", path, body=config("packets"), headers=apply)
    assert rejected.status_code == 403
    assert f"Use engine: nginx, or ask an administrator to label the namespace {ENFORCE}" in rejected.json()["message"]


def test_a_privileged_namespace_captures_what_callers_send(place: Namespace, fleet: Gateways) -> None:
    enforce(place, "privileged")
    endpoint = an_endpoint("packets", config="packets", host=place.host("packets"))
    place.apply(an_echo("packets"), config("packets"), endpoint)
    place.until_ready("packets")
    (pod,) = [p for p in place.all(POD) if p["metadata"]["labels"].get("mlendpoints.dev/endpoint") == "packets"]
    assert [each["name"] for each in pod["spec"]["containers"]] == ["model", "nginx", "recorder", "shipper"]

    def seen() -> bool:
        assert fleet.now()[0].invoke(place.host("packets")).status_code == 200
        return captured(place, pod) > 0

    wait_until(seen, "a request is captured")
