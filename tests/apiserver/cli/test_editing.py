"""Verbs that write: which fields they change, what they print, how they wait."""

import json
import signal
import subprocess
from pathlib import Path

import pytest
import yaml

from mlendpoints.client import EndpointConfig, MLModel, MLModelSpec, MLOpsClient, ObjectMeta
from tests.apiserver.cli.conftest import PROGRAM, Cli
from tests.apiserver.client.conftest import Report, create_titanic

CONFIG = "MachineLearningEndpointConfig {}/titanic: spec.models[blue]"
IMAGE = "registry.example.com/titanic:2"


def weight(client: MLOpsClient, variant: int = 0) -> int:
    return client.V1Alpha1EndpointConfig.get("titanic").spec.models[variant].weight


def test_each_edit_shows_the_fields_before_and_after(cli: Cli, client: MLOpsClient, namespace: str) -> None:
    create_titanic(client)
    config, model = CONFIG.format(namespace), f"MachineLearningModel {namespace}/lr"
    edits = {
        "weights titanic blue=9": f"{config}.weight: 1 -> 9\n",
        "scale titanic blue=2": f"{config}.instances: 1 -> 2\n",
        f"swap titanic green --image {IMAGE}": f"{model}: spec.image: registry.example.com/lr:1 -> {IMAGE}\n",
    }
    for line, changed in edits.items():
        tried = cli(*line.split(), "--dry-run")
        assert tried.stdout == changed.replace("\n", " (dry run)\n")
        done = cli(*line.split(), "--no-wait")
        assert (done.returncode, done.stdout, done.stderr) == (0, changed, "")
        assert cli(*line.split(), "--no-wait").stdout == "Nothing has changed: it was requested before.\n"


def test_an_mlmodel_is_scaled_and_swapped(cli: Cli, client: MLOpsClient) -> None:
    spec = MLModelSpec(image="registry.example.com/titanic:1")
    client.V1Alpha1MLModel.create(MLModel(metadata=ObjectMeta(name="single"), spec=spec))
    assert "spec.replicas: 1 -> 3" in cli("scale", "mlmodel/single", "3", "--no-wait").stdout
    assert f"-> {IMAGE}" in cli("swap", "mlmodel/single", "--image", IMAGE, "--no-wait").stdout
    assert client.V1Alpha1MLModel.get("single").spec.replicas == 3


def test_a_retry_changes_the_attempt_only(cli: Cli, client: MLOpsClient) -> None:
    before = create_titanic(client).spec
    changes = json.loads(cli("retry", "titanic", "--no-wait", "-o", "json").stdout)
    assert [change["field"] for change in changes] == ["spec.update.attempt"]
    after = client.V1Alpha1Endpoint.get("titanic").spec
    assert after.update.attempt != before.update.attempt
    assert (after.config, after.host) == (before.config, before.host)


def test_a_wait_that_times_out_ends_with_3_and_says_what_continues(cli: Cli, client: MLOpsClient) -> None:
    create_titanic(client)
    found = cli("weights", "titanic", "blue=9", "--timeout", "0.2")
    assert found.returncode == 3
    assert "It continues in the cluster; follow it with `mlendpoints status --watch`" in found.stderr
    assert weight(client) == 9


@pytest.mark.parametrize("fails", [False, True])
def test_a_wait_ends_with_the_result(
    client: MLOpsClient, report: Report, kubeconfig: Path, namespace: str, *, fails: bool
) -> None:
    create_titanic(client)
    process = start(kubeconfig, namespace, "weights", "titanic", "blue=9")
    edited = until_edited(client)
    outcome = ("False", "blue: no such image.") if fails else ("True", "All endpoints serve it.")
    report(edited, conditions={"RolledOut": outcome})
    out, err = process.communicate()
    if fails:
        about = f"MachineLearningEndpointConfig {namespace}/titanic"
        assert process.returncode == 1
        assert err.endswith(f"Error: {about}: blue: no such image.\n")  # after progress, if it took long
    else:
        assert (process.returncode, out.splitlines()[-1]) == (0, "All endpoints serve it.")


def test_ctrl_c_during_a_wait_says_what_continues(client: MLOpsClient, kubeconfig: Path, namespace: str) -> None:
    create_titanic(client)
    process = start(kubeconfig, namespace, "weights", "titanic", "blue=9")
    assert process.stdout is not None
    assert process.stdout.readline() == f"{CONFIG.format(namespace)}.weight: 1 -> 9\n"
    process.send_signal(signal.SIGINT)
    assert "continues in the cluster" in process.communicate()[1]
    assert process.returncode == 130


def test_an_edit_of_a_shared_config_has_to_be_allowed(cli: Cli, client: MLOpsClient) -> None:
    create_titanic(client)
    create_titanic(client, "second")
    found = cli("weights", "titanic", "blue=9", "--no-wait")
    assert found.returncode == 1
    assert found.stderr.endswith("--shared allows that.\n")
    assert cli("weights", "titanic", "blue=9", "--no-wait", "--shared").returncode == 0


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("weights titanic blue", 2, "Write VARIANT=NUMBER"),
        ("weights titanic bleu=1", 1, "Did you mean blue?"),
        ("weights titanc blue=1", 1, "Did you mean titanic?"),
        ("scale titanic blue=0", 1, "rejected"),
        ("swap titanic green", 2, "pass --model"),
        ("swap titanic green --model rcf", 1, "Did you mean rfc?"),
        ("scale config/titanic 2", 2, "Name an endpoint"),
        ("rollback titanic", 1, "no earlier version"),
        ("invoke titanic -d {}", 1, "no URL yet: see `mlendpoints explain`"),
        ("invoke titanic -d @/nowhere.json", 2, "Cannot read /nowhere.json"),
        ("logs titanic", 1, "no such pods"),
        ("delete titanc", 1, "Did you mean titanic?"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(cli: Cli, client: MLOpsClient, line: str, code: int, said: str) -> None:
    create_titanic(client)
    found = cli(*line.split())
    assert (found.returncode, found.stdout) == (code, "")
    assert said in found.stderr
    assert found.stderr.count("\n") == 1


DEPLOY = ("deploy", "iris", "--image", IMAGE, "--host", "iris.example.com")


def test_deploy_prints_what_it_creates(cli: Cli, client: MLOpsClient) -> None:
    only_printed = cli(*DEPLOY, "--dry-run", "-o", "yaml").stdout
    assert client.V1Alpha1Model.list() == ()
    done = cli(*DEPLOY, "--no-wait")
    assert (done.returncode, done.stdout) == (0, only_printed)
    model, config, endpoint = yaml.safe_load_all(done.stdout)
    assert model["spec"] == {"image": IMAGE}
    assert (config["spec"]["models"][0]["model"], endpoint["spec"]["config"]) == ("iris", "iris")
    assert client.V1Alpha1Endpoint.get("iris").spec.host == "iris.example.com"


def test_deploy_creates_nothing_if_one_name_is_taken(cli: Cli, client: MLOpsClient) -> None:
    assert cli(*DEPLOY, "--no-wait").returncode == 0
    client.V1Alpha1Model.delete("iris", wait=True)
    found = cli(*DEPLOY, "--no-wait")
    assert found.returncode == 1
    assert "already exists" in found.stderr
    assert client.V1Alpha1Model.list() == ()


def test_an_mlmodel_is_deployed_by_one_object(cli: Cli, client: MLOpsClient) -> None:
    assert cli("deploy", "iris", "--mlmodel", "--image", IMAGE, "--pods", "2", "--no-wait").returncode == 0
    assert client.V1Alpha1MLModel.get("iris").spec.replicas == 2
    assert client.V1Alpha1Endpoint.list() == ()


def test_delete_removes_the_endpoint_and_templates_that_nothing_else_uses(cli: Cli, client: MLOpsClient) -> None:
    create_titanic(client)
    create_titanic(client, "second", config="second")
    assert cli("delete", "titanic", "--templates", "--dry-run").returncode == 0
    assert len(client.V1Alpha1Endpoint.list()) == 2
    found = cli("delete", "titanic", "--templates")
    assert found.stdout.splitlines() == [
        "machinelearningendpoint.mlendpoints.dev/titanic deleted",
        "machinelearningendpointconfig.mlendpoints.dev/titanic deleted",
    ]
    assert [model.metadata.name for model in client.V1Alpha1Model.list()] == ["lr", "rfc"]


def start(kubeconfig: Path, namespace: str, *arguments: str) -> subprocess.Popen[str]:
    command = [*PROGRAM, "--kubeconfig", str(kubeconfig), "-n", namespace, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until_edited(client: MLOpsClient) -> EndpointConfig:
    changes = client.V1Alpha1EndpointConfig.watch("titanic")
    return next(change.object for change in changes if change.object.metadata.generation > 1)
