"""A sidecar is one function and one entry in a list; the pod's builder does the rest."""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from mlendpoints.api.model import Model
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.mlmodel import freeze, make_download_job, make_mlmodel_deployment
from mlendpoints.core.manifests.sidecar import Sidecar
from mlendpoints.core.manifests.sidecars import optional_sidecars, sidecars
from tests.kit.agents import NAME, listed, make_agent
from tests.kit.builders import a_model, an_mlmodel
from tests.unit.core.manifests.made import SETTINGS
from tests.unit.core.manifests.test_deployment import an_instance, container, pod, volume

ASKED: list[dict[str, Any]] = [{"name": "AGENT", "value": "import time"}]
SUPERVISOR = {"name": "supervisor", "mountPath": "/supervise"}


@pytest.fixture(autouse=True)
def _listed() -> Iterator[None]:
    with listed(make_agent):
        yield


def with_agent(**spec: Any) -> Manifest:  # noqa: ANN401 - any field
    return pod(an_instance(a_model(env=ASKED, **spec)))


def pod_with(sidecar: Sidecar, model: Model | None = None) -> Manifest:
    with listed(lambda _: sidecar):
        return pod(an_instance(model))


def test_nginx_is_the_only_sidecar_of_an_instance_without_others_and_is_essential() -> None:
    (nginx,) = sidecars(an_instance())
    assert (nginx.name, nginx.essential) == ("nginx", True)
    assert optional_sidecars(an_instance()) == frozenset()


def test_a_listed_sidecar_is_in_the_pod_with_its_volumes_and_ports() -> None:
    spec = with_agent()
    agent = container(spec, NAME)
    assert [each["name"] for each in spec["containers"]] == ["model", "nginx", "agent"]
    assert agent["ports"] == [{"name": "agent", "containerPort": 2021}]
    assert volume(spec, "agent-tmp")["emptyDir"] == {"sizeLimit": "1Mi"}
    assert optional_sidecars(an_instance(a_model(env=ASKED))) == {NAME}


def test_one_that_an_instance_does_not_have_changes_nothing() -> None:
    spec = pod(an_instance())
    assert [each["name"] for each in spec["containers"]] == ["model", "nginx"]
    assert "supervis" not in str(spec)


def test_an_optional_sidecar_is_supervised_and_has_no_probe_that_could_make_the_pod_unready() -> None:
    agent = container(with_agent(), NAME)
    assert agent["command"] == ["/supervise/supervise", "run", "--", "python3", "-c"]
    assert agent["args"] == ["import time"]
    assert {**SUPERVISOR, "readOnly": True} in agent["volumeMounts"]
    assert not {"readinessProbe", "livenessProbe", "startupProbe"} & set(agent)


def test_the_fetcher_brings_the_supervisor_so_that_no_further_container_delays_the_pod() -> None:
    spec = with_agent()
    (fetcher,) = spec["initContainers"]
    assert fetcher["name"] == "model-init"
    assert fetcher["command"] == [
        *("/usr/local/bin/supervise", "install", "/supervise", "--"),
        *("python3", "-m", "fetcher"),
    ]
    assert SUPERVISOR in fetcher["volumeMounts"]
    assert volume(spec, "supervisor")["emptyDir"] == {"sizeLimit": "16Mi"}
    assert fetcher["args"] == container(pod(an_instance()), "model-init")["args"]


def test_where_nothing_is_fetched_an_init_container_brings_the_supervisor() -> None:
    (installer,) = with_agent(artifact="")["initContainers"]
    assert installer["command"] == ["/usr/local/bin/supervise", "install", "/supervise"]
    assert installer["image"] == SETTINGS.model_init_image
    assert installer["securityContext"]["readOnlyRootFilesystem"] is True


def test_a_sidecar_is_stopped_with_the_model_once_nothing_is_in_flight() -> None:
    spec = with_agent()
    assert container(spec, NAME)["lifecycle"] == container(spec, "model")["lifecycle"]


@pytest.mark.parametrize(("model_user", "own"), [(1000, 65531), (65531, 65530)])
def test_a_sidecar_has_a_user_of_its_own_whatever_the_model_s_is(model_user: int, own: int) -> None:
    security = container(with_agent(runAsUser=model_user), NAME)["securityContext"]
    assert security == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsUser": own,
        "runAsGroup": own,
    }


def test_two_sidecars_have_different_users() -> None:
    spec = pod_with(Sidecar(name="other", container={"image": "i"}), a_model(env=ASKED))
    users = [each["securityContext"]["runAsUser"] for each in spec["containers"]]
    assert users == [1000, 65532, 65531, 65530]


def test_a_sidecar_that_reads_what_only_the_model_may_runs_as_the_model() -> None:
    spec = pod_with(Sidecar(name="reader", container={"image": "i"}, user="model"), a_model(runAsUser=7, runAsGroup=0))
    security = container(spec, "reader")["securityContext"]
    assert (security["runAsUser"], security["runAsGroup"]) == (7, 0)


def test_an_essential_sidecar_needs_no_supervisor_and_may_have_probes() -> None:
    probe = {"httpGet": {"path": "/", "port": 2021}}
    spec = pod_with(Sidecar(name="cache", container={"image": "i", "readinessProbe": probe}))
    assert container(spec, "cache")["readinessProbe"] == probe
    assert "supervis" not in str(spec)


OPTIONAL = Sidecar(name="agent", container={"image": "i", "command": ["run"]}, essential=False)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (replace(OPTIONAL, container={"image": "i"}), "needs a command"),
        (replace(OPTIONAL, container={"command": ["run"], "readinessProbe": {}}), "must not have .*readinessProbe"),
        (replace(OPTIONAL, user=1234), "RESERVED_USER_IDS"),
        (replace(OPTIONAL, ports={"http": 8080}), "PODS_OWN_PORTS"),
    ],
)
def test_a_sidecar_that_could_do_harm_is_a_mistake_that_no_release_can_have(wrong: Sidecar, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pod_with(wrong)


def test_pods_of_an_mlmodel_have_the_same_sidecars_and_its_download_has_none() -> None:
    model = an_mlmodel(env=ASKED)
    version = freeze(model, SETTINGS)
    spec = make_mlmodel_deployment(model, version)["spec"]["template"]["spec"]
    assert [each["name"] for each in spec["containers"]] == ["model", "nginx", "agent"]
    assert "supervis" not in str(make_download_job(model, version))
