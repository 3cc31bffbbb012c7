"""Capture by gor in a pod: its recorder alone sees packets, and what the others have stays the same."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.manifests.mlmodel import freeze
from mlendpoints.core.manifests.sidecars import optional_sidecars
from mlendpoints.core.mlmodel.plan import plan_mlmodel
from recorder.settings import parse
from tests.kit.builders import a_config, a_model, a_variant, an_endpoint, an_mlmodel
from tests.simulation import Cluster
from tests.simulation_mlmodel import Namespace
from tests.unit.core.manifests.made import SETTINGS
from tests.unit.core.manifests.test_captured_pods import S3, environment, mounts
from tests.unit.core.manifests.test_deployment import an_instance, container, containers, pod, volume

GOR = S3 | {"engine": "gor"}


def capturing(**capture: Any) -> Manifest:  # noqa: ANN401 - JSON
    return pod(an_instance(capture=GOR | capture))


def test_the_recorder_alone_may_read_packets_and_nothing_else() -> None:
    privileged = {each["name"]: each["securityContext"] for each in containers(capturing())}
    assert privileged.pop("recorder") == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"], "add": ["NET_RAW"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": False,
        "runAsUser": 0,
        "runAsGroup": 1000,
    }
    assert all(context["capabilities"] == {"drop": ["ALL"]} for context in privileged.values())
    assert all(context.get("runAsUser") != 0 for context in privileged.values())


def test_the_recorder_is_optional_and_a_failure_of_it_stops_no_request() -> None:
    assert optional_sidecars(an_instance(capture=GOR)) == {"recorder", "shipper"}
    assert container(capturing(), "recorder")["command"][:3] == ["/supervise/supervise", "run", "--"]


def test_nginx_captures_nothing_and_exposes_the_recorder_s_account() -> None:
    given = environment(capturing(), "nginx")
    assert "CAPTURE" not in given
    assert json.loads(given["CAPTURE_ACCOUNT"]) == {"engine": "gor", "folder": "/var/spool/mlendpoints"}
    memory = [container(spec, "nginx")["resources"] for spec in (capturing(), pod(an_instance()))]
    assert memory[0] == memory[1]


def test_the_spool_is_that_of_the_three_and_never_the_model_s() -> None:
    assert mounts(capturing(), "spool").keys() == {"nginx", "recorder", "shipper"}
    assert mounts(capturing(), "sink-credentials").keys() == {"shipper"}


def test_the_recorder_understands_what_it_is_given() -> None:
    spec = capturing(capture=["Input"], percentage=0.5, redact={"headers": ["x-a"], "jsonPaths": ["$.a-b[*]._c"]})
    process = parse(environment(spec, "recorder"))
    settings = process.settings
    assert (settings.input, settings.output, settings.percentage) == (True, False, 0.5)
    assert (settings.headers, settings.paths) == (("x-a",), (("a-b", "[*]", "_c"),))
    assert settings.folder == "/var/spool/mlendpoints"
    assert process.port == 8080


@pytest.mark.parametrize("engine", [{}, {"engine": "nginx"}])
def test_pods_of_the_other_engine_have_none_of_it(engine: dict[str, str]) -> None:
    spec = pod(an_instance(capture=S3 | engine))
    assert "recorder" not in {each["name"] for each in containers(spec)}
    assert "NET_RAW" not in str(spec)
    assert spec == pod(an_instance(capture=S3))


def test_its_scratch_folder_is_its_own() -> None:
    assert volume(capturing(), "recorder-tmp") == {"name": "recorder-tmp", "emptyDir": {"sizeLimit": "16Mi"}}
    assert mounts(capturing(), "recorder-tmp") == {"recorder": "/tmp"}  # noqa: S108 - a volume


def test_an_mlmodel_without_an_image_of_the_recorder_fails_with_what_to_do() -> None:
    namespace = Namespace(an_mlmodel(artifact="", capture=GOR))
    plan = plan_mlmodel(replace(namespace.world(), settings=replace(SETTINGS, recorder_image="")))
    assert plan.status is not None
    assert plan.status.phase == "Failed"
    assert "the operator has no image of the recorder. Use engine: nginx" in plan.status.message


def test_an_mlmodel_has_the_recorder_of_today() -> None:
    version = freeze(an_mlmodel(capture=GOR), replace(SETTINGS, recorder_image="recorder:2"))
    assert container(pod(version), "recorder")["image"] == "recorder:2"


@pytest.mark.parametrize(("image", "is_rejected"), [("", True), ("recorder:1", False)])
def test_an_endpoint_without_an_image_of_the_recorder_reports_what_to_do(*, image: str, is_rejected: bool) -> None:
    variant = a_variant("blue", capture=GOR)
    cluster = Cluster(an_endpoint(), a_config(variant), a_model())
    world = cluster.world()
    plan = plan_endpoint(replace(world, settings=replace(world.settings, recorder_image=image)))
    assert plan.status is not None
    (resolved,) = (each for each in plan.status.conditions if each.type == "ConfigResolved")
    assert (resolved.status == "False") == is_rejected
    assert ("Use engine: nginx, or ask the administrator" in resolved.message) == is_rejected
