from typing import Any

import pytest
import yaml

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.deployment import make_pod
from mlendpoints.core.manifests.mlmodel import freeze
from tests.kit.builders import an_mlmodel, some_settings
from tests.unit.core.manifests.mlmodels import CASES, GOLDEN, made, requested
from tests.unit.core.manifests.test_golden import values

ALL = [
    pytest.param(manifest, id=f"{case}-{manifest['kind']}-{manifest['metadata']['name']}")
    for case in CASES
    for manifest in made(requested(case))
]


def manifests(**spec: Any) -> dict[str, Manifest]:  # noqa: ANN401 - any field
    """The first of each kind: the Service is that of callers."""
    return {manifest["kind"]: manifest for manifest in reversed(made(an_mlmodel(**spec)))}


def template(manifest: Manifest) -> Manifest:
    found: Manifest = manifest["spec"]["template"]
    return found


@pytest.mark.parametrize("case", CASES)
def test_what_is_asked_comes_to_the_golden_manifests(case: str) -> None:
    expected = list(yaml.safe_load_all((GOLDEN / case / "made.yaml").read_text()))
    assert expected == made(requested(case))


@pytest.mark.parametrize("manifest", ALL)
def test_no_empty_value_is_written_that_the_api_server_would_drop(manifest: Manifest) -> None:
    assert [key for key, value in values(manifest) if value in ("", None) or value in ({}, [])] == []


@pytest.mark.parametrize("manifest", ALL)
def test_everything_goes_with_its_mlmodel(manifest: Manifest) -> None:
    (owner,) = manifest["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["controller"]) == ("MLModel", True)


@pytest.mark.parametrize("manifest", ALL)
def test_labels_are_valid_and_none_is_copied(manifest: Manifest) -> None:
    assert all(0 < len(value) <= 63 for value in manifest["metadata"]["labels"].values())
    assert not {key for key, _ in values(manifest)} & {"team", "note"}


def test_the_pod_is_the_one_of_a_model_instance() -> None:
    model = an_mlmodel(accessMode="ReadWriteMany")
    version = freeze(model, some_settings())
    pod = make_pod(version, claim=version.metadata.name)
    of_an_instance = make_pod(version)
    assert {key for key in pod if pod[key] != of_an_instance[key]} == {"volumes"}


def test_pods_of_a_download_are_no_pods_of_the_service() -> None:
    made_of = manifests()
    selector = made_of["Service"]["spec"]["selector"]
    assert made_of["Deployment"]["spec"]["selector"]["matchLabels"] == selector
    assert selector.items() <= template(made_of["Deployment"])["metadata"]["labels"].items()
    assert not selector.items() <= template(made_of["Job"])["metadata"]["labels"].items()


def test_job_and_pods_share_one_claim_and_one_fetcher() -> None:
    made_of = manifests()
    job, pod = template(made_of["Job"])["spec"], template(made_of["Deployment"])["spec"]
    assert job["containers"] == [pod["initContainers"][0]]
    assert job["volumes"] == [volume for volume in pod["volumes"] if volume["name"] not in ("nginx-tmp", "bodies")]
    assert job["volumes"][0]["persistentVolumeClaim"] == {
        "claimName": made_of["PersistentVolumeClaim"]["metadata"]["name"]
    }


def test_a_download_is_not_repeated_for_what_no_repetition_mends() -> None:
    spec = manifests(downloadTimeoutSeconds=60)["Job"]["spec"]
    rules = {rule["action"]: rule for rule in spec["podFailurePolicy"]["rules"]}
    assert rules["FailJob"]["onExitCodes"] == {"operator": "In", "values": [2, 11, 12, 13]}
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (2, 60)
    assert "ttlSecondsAfterFinished" not in spec


def test_an_unset_storage_class_is_left_out_so_that_the_clusters_default_is_taken() -> None:
    assert "storageClassName" not in manifests()["PersistentVolumeClaim"]["spec"]
    assert manifests(storageClass="fast")["PersistentVolumeClaim"]["spec"]["storageClassName"] == "fast"


@pytest.mark.parametrize(
    ("spec", "together"),
    [({}, True), ({"accessMode": "ReadWriteMany"}, False), ({"artifact": ""}, False)],
)
def test_pods_share_a_node_where_their_claim_can_be_mounted_on_one_alone(
    spec: dict[str, str], *, together: bool
) -> None:
    assert together == ("affinity" in template(manifests(**spec)["Deployment"])["spec"])


def test_no_old_pod_goes_before_a_new_one_answers() -> None:
    spec = manifests()["Deployment"]["spec"]
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert spec["progressDeadlineSeconds"] == 600 + 300


def test_the_service_leads_through_the_proxy_to_the_port_that_is_asked_for() -> None:
    made_of = manifests(port=8501, healthPath="/v1/models/titanic")
    (port,) = made_of["Service"]["spec"]["ports"]
    pod = template(made_of["Deployment"])["spec"]
    model, proxy = pod["containers"]
    assert {"name": port["targetPort"], "containerPort": 8088} in proxy["ports"]
    assert {"name": "MODEL_PORT", "value": "8501"} in proxy["env"]
    assert model["startupProbe"]["httpGet"] == {"path": "/v1/models/titanic", "port": "model"}


def test_no_monitoring_service_of_an_endpoint_takes_its_pods_for_its_own() -> None:
    assert "mlendpoints.dev/endpoint" not in template(manifests()["Deployment"])["metadata"]["labels"]
