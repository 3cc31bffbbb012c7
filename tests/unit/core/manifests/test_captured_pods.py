"""Capture in a pod: its spool is nginx's and the shipper's, its sink's credentials are the shipper's alone."""

import json
from typing import Any

import pytest

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.mlmodel import freeze, make_download_job, make_mlmodel_deployment
from mlendpoints.core.manifests.sidecars import optional_sidecars
from mlendpoints.core.quantities import exact
from tests.images.captured import SETTINGS as UNDERSTOOD
from tests.kit.builders import an_mlmodel
from tests.unit.core.manifests.made import SETTINGS
from tests.unit.core.manifests.test_deployment import an_instance, container, containers, pod, volume

S3 = {"sink": "s3://captured/titanic", "sinkSecret": "writer"}


def capturing(**capture: Any) -> Manifest:  # noqa: ANN401 - JSON
    return pod(an_instance(capture=S3 | capture))


def environment(spec: Manifest, name: str) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in container(spec, name).get("env", [])}


def mounts(spec: Manifest, volume_name: str) -> dict[str, str]:
    """Where containers have the volume."""
    found = ((each["name"], mount) for each in containers(spec) for mount in each.get("volumeMounts", []))
    return {name: mount["mountPath"] for name, mount in found if mount["name"] == volume_name}


def test_a_pod_without_capture_has_nothing_of_it() -> None:
    spec = pod(an_instance())
    assert "CAPTURE" not in environment(spec, "nginx")
    assert "spool" not in str(spec)
    assert optional_sidecars(an_instance()) == frozenset()


def test_the_spool_is_nginx_s_and_the_shipper_s_and_never_the_model_s() -> None:
    spec = capturing()
    assert mounts(spec, "spool") == {"nginx": "/var/spool/mlendpoints", "shipper": "/var/spool/mlendpoints"}
    setting = json.loads(environment(spec, "nginx")["CAPTURE"])
    assert setting["spool"] * 2 < exact(volume(spec, "spool")["emptyDir"]["sizeLimit"])


def test_nginx_is_given_what_it_understands() -> None:
    paths = ["$.a-b[*]._c", "$[*]"]
    given = json.loads(
        environment(
            capturing(capture=["Input"], percentage=0.5, redact={"headers": ["x-a"], "jsonPaths": paths}), "nginx"
        )["CAPTURE"]
    )
    assert given.keys() == {*UNDERSTOOD, "folder"}
    assert (given["input"], given["output"], given["percentage"]) == (True, False, 0.5)
    assert (given["headers"], given["paths"]) == (["x-a"], [["a-b", "[*]", "_c"], ["[*]"]])


@pytest.mark.parametrize("largest", [1, 64 << 10, 4 << 20])
def test_nginx_s_memory_covers_what_is_collected_and_copied(largest: int) -> None:
    limits = [
        int(container(spec, "nginx")["resources"]["limits"]["memory"].removesuffix("Mi")) << 20
        for spec in (pod(an_instance()), capturing(maxBytes=largest))
    ]
    setting = json.loads(environment(capturing(maxBytes=largest), "nginx")["CAPTURE"])
    assert limits[1] - limits[0] > setting["memory"] + 20 * largest


def test_the_credentials_of_the_sink_are_the_shipper_s_alone_and_no_pod_waits_for_them() -> None:
    spec = capturing()
    assert volume(spec, "sink-credentials")["secret"] == {"secretName": "writer", "optional": True}
    assert mounts(spec, "sink-credentials") == {"shipper": "/credentials"}
    assert environment(spec, "shipper")["CREDENTIALS"] == "/credentials"


def test_a_claim_as_sink_is_mounted_in_the_shipper_alone() -> None:
    spec = pod(an_instance(capture={"sink": "pvc://captured/a"}))
    assert volume(spec, "sink")["persistentVolumeClaim"] == {"claimName": "captured"}
    assert mounts(spec, "sink") == {"shipper": "/sink"}
    assert "CREDENTIALS" not in environment(spec, "shipper")


def test_the_shipper_is_optional_and_has_time_when_the_pod_has_served_its_last_request() -> None:
    instance = an_instance(capture=S3)
    assert optional_sidecars(instance) == {"shipper"}
    grace = [spec["terminationGracePeriodSeconds"] for spec in (pod(an_instance()), pod(instance))]
    assert grace[1] - grace[0] == int(environment(pod(instance), "shipper")["DRAIN_SECONDS"])


def test_a_sink_s_url_reaches_the_shipper_as_it_is_written() -> None:
    spec = pod(an_instance(capture={"sink": "s3://captured/$(POD)"}))
    assert environment(spec, "shipper")["SINK"] == "s3://captured/$$(POD)"


def test_pods_of_an_mlmodel_capture_and_its_download_does_not() -> None:
    model = an_mlmodel(capture=S3)
    version = freeze(model, SETTINGS)
    spec = make_mlmodel_deployment(model, version)["spec"]["template"]["spec"]
    assert json.loads(environment(spec, "nginx")["CAPTURE"])["names"]["variant"] == "mlmodel"
    assert mounts(spec, "spool").keys() == {"nginx", "shipper"}
    assert "spool" not in str(make_download_job(model, version))


def test_a_capture_that_is_off_is_none() -> None:
    model = an_mlmodel(capture={"enabled": False})
    assert freeze(model, SETTINGS).spec.instance == freeze(an_mlmodel(), SETTINGS).spec.instance
