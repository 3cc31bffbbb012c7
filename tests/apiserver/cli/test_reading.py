"""Verbs that only read: what they print, for whom, and that they change nothing."""

import json
import signal
import subprocess
from pathlib import Path

import pytest
import yaml

from mlendpoints.client import MLModel, MLModelSpec, MLOpsClient, ObjectMeta
from tests.apiserver.cli.conftest import PROGRAM, Cli, run
from tests.apiserver.cli.recording import recorded
from tests.apiserver.client.conftest import Report, create_titanic
from tests.kit.builders import BORN
from tests.kit.sync_client import SyncClient

FAILURES = {
    "ModelsReady: blue: the image cannot be pulled: not found. It is retried.": (
        "ModelsReady: blue: the image cannot be pulled: not found."
    ),
    "ModelsReady: Pod titanic-rfc-x, container model: exit code 137 (OOMKilled). Raise memory.": (
        "ModelsReady: Pod titanic-rfc-x, container model: exit code 137 (OOMKilled)."
    ),
}


def test_endpoints_and_mlmodels_are_listed_as_kubectl_lists_them(
    cli: Cli, client: MLOpsClient, report: Report, server: SyncClient
) -> None:
    endpoint = create_titanic(client)
    report(endpoint, conditions={"Ready": ("True", "It is.")}, state="InService", traffic="blue=1,green=1")
    spec = MLModelSpec(image="registry.example.com/titanic:1")
    client.V1Alpha1MLModel.create(MLModel(metadata=ObjectMeta(name="single"), spec=spec))
    found = cli("get")
    endpoints, mlmodels = (block.splitlines() for block in found.stdout.split("\n\n"))
    assert endpoints[0].split() == ["NAME", "STATE", "READY", "REASON", "CONFIG", "URL", "TRAFFIC", "AGE"]
    assert endpoints[1].split()[:3] == ["titanic", "InService", "True"]
    (row,) = server.table("mle", client.namespace)
    assert [name.upper() for name in row][:7] == endpoints[0].split()[:7]
    assert mlmodels[1].split()[0] == "single"
    assert (found.returncode, found.stderr) == (0, "")


def test_objects_are_written_as_json_yaml_and_names(cli: Cli, client: MLOpsClient) -> None:
    create_titanic(client)
    model = json.loads(cli("get", "model", "rfc", "-o", "json").stdout)
    assert (model["kind"], model["spec"]["image"]) == ("MachineLearningModel", "registry.example.com/rfc:1")
    listed = yaml.safe_load(cli("get", "models", "-o", "yaml").stdout)
    assert (listed["kind"], len(listed["items"])) == ("List", 2)
    names = cli("get", "mlm", "-o", "name").stdout.split()
    assert names == ["machinelearningmodel.mlendpoints.dev/lr", "machinelearningmodel.mlendpoints.dev/rfc"]
    assert "FETCHED" in cli("get", "models", "-o", "wide").stdout


def test_an_empty_namespace_says_so_and_prints_nothing(cli: Cli, namespace: str) -> None:
    found = cli("get")
    assert (found.returncode, found.stdout) == (0, "")
    assert found.stderr == f"No endpoints or mlmodels found in namespace {namespace}.\n"


def test_an_unknown_name_is_one_sentence_with_the_nearest_names(cli: Cli, client: MLOpsClient) -> None:
    create_titanic(client)
    for arguments in (("get", "endpoint", "titanc"), ("explain", "titanc"), ("history", "titanc")):
        found = cli(*arguments)
        assert (found.returncode, found.stdout) == (1, "")
        assert found.stderr.count("\n") == 1
        assert "Did you mean titanic?" in found.stderr


@pytest.mark.parametrize("message", FAILURES)
def test_the_first_line_of_an_explanation_is_the_failure(
    cli: Cli, client: MLOpsClient, report: Report, message: str
) -> None:
    report(create_titanic(client), conditions={"Ready": ("False", message)})
    found = cli("explain", "titanic")
    assert found.stdout.splitlines()[0] == FAILURES[message]
    assert "CONDITION" in found.stdout
    assert found.returncode == 0


def test_an_mlmodel_is_explained(cli: Cli, client: MLOpsClient, report: Report) -> None:
    spec = MLModelSpec(image="registry.example.com/titanic:1")
    model = client.V1Alpha1MLModel.create(MLModel(metadata=ObjectMeta(name="single"), spec=spec))
    report(model, conditions={"Ready": ("Unknown", "Downloading: 3 of 5 MiB.")}, phase="Downloading")
    assert cli("explain", "single").stdout.splitlines()[0] == "Downloading: 3 of 5 MiB."
    assert cli("explain", "mlmodel/singel").stderr.endswith("Did you mean single?\n")


def test_the_history_is_listed(cli: Cli, client: MLOpsClient, report: Report) -> None:
    entry = {"target": "abc", "outcome": "Failed", "reason": "ImagePullFailed", "startTime": BORN, "endTime": BORN}
    report(create_titanic(client), history=[entry | {"message": "no such image"}])
    lines = cli("history", "titanic").stdout.splitlines()
    assert lines[0].split() == ["ENDED", "VERSION", "OUTCOME", "TOOK", "REASON", "MESSAGE"]
    assert lines[1].split()[-7:] == ["abc", "Failed", "0s", "ImagePullFailed", "no", "such", "image"]
    assert json.loads(cli("history", "titanic", "-o", "json").stdout)[0]["target"] == "abc"


def test_what_only_reads_sends_only_gets(
    client: MLOpsClient, server: SyncClient, namespace: str, tmp_path: Path
) -> None:
    create_titanic(client)
    with recorded(server, tmp_path) as (path, seen):
        for line in (
            "get",
            "get models",
            "explain titanic",
            "explain x",
            "history titanic",
            "status titanic",
            "logs titanic",
            "metrics titanic",
            "rollback titanic --dry-run",
            "capture tail titanic",
        ):
            run("--kubeconfig", str(path), "-n", namespace, *line.split())
    assert len(seen) > 5
    assert {request.split()[0] for request in seen} == {"GET"}


def test_options_are_taken_before_and_after_the_verb(client: MLOpsClient, kubeconfig: Path, namespace: str) -> None:
    create_titanic(client)
    after = run("get", "endpoints", "-n", namespace, "--kubeconfig", str(kubeconfig), "-o", "name")
    assert after.stdout == "machinelearningendpoint.mlendpoints.dev/titanic\n"


def test_a_wrong_context_names_the_known_ones(cli: Cli) -> None:
    found = cli("get", "--context", "nowhere")
    assert found.returncode == 2
    assert "has no context nowhere" in found.stderr
    assert "Traceback" not in found.stderr


def test_without_a_kubeconfig_it_says_how_to_name_one(tmp_path: Path) -> None:
    found = run("get", KUBECONFIG=str(tmp_path / "missing"), HOME=str(tmp_path), KUBERNETES_SERVICE_HOST="")
    assert found.returncode == 2
    assert "pass --kubeconfig PATH" in found.stderr


def test_without_a_cluster_it_says_which_server_does_not_respond(server: SyncClient, tmp_path: Path) -> None:
    with recorded(server, tmp_path) as (path, _):
        pass  # nothing listens there any more
    found = run("--kubeconfig", str(path), "get")
    assert found.returncode == 1
    assert "does not respond" in found.stderr
    assert found.stderr.count("\n") == 1
    assert "Traceback" in run("--kubeconfig", str(path), "get", "--debug").stderr


@pytest.mark.parametrize("arguments", [("gte",), ("get", "modls"), ("get", "--naem", "x"), ("get", "-o", "xml")])
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...]) -> None:
    found = run(*arguments)
    assert (found.returncode, found.stdout) == (2, "")
    assert "Traceback" not in found.stderr


def test_a_reader_that_leaves_early_is_no_error(client: MLOpsClient, kubeconfig: Path, namespace: str) -> None:
    create_titanic(client)
    command = [*PROGRAM, "--kubeconfig", str(kubeconfig), "-n", namespace, "get", "models", "-o", "yaml"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141


@pytest.mark.parametrize(
    ("words", "expected"),
    [(("explain", "ti"), "titanic"), (("get", "model", "r"), "rfc"), (("explain", "config/t"), "config/titanic")],
)
def test_names_are_completed(
    client: MLOpsClient, kubeconfig: Path, namespace: str, words: tuple[str, ...], expected: str
) -> None:
    create_titanic(client)
    assert expected in completed(kubeconfig, namespace, *words)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("weights", "titanic", "bl"), "blue="),
        (("invoke", "titanic", "--variant", "bl"), "blue"),
        (("rollback", "titanic", "--to", "ab"), "abc"),
    ],
)
def test_variants_and_versions_are_completed(
    client: MLOpsClient, report: Report, kubeconfig: Path, words: tuple[str, ...], expected: str
) -> None:
    variant = {"name": "blue", "model": "rfc", "instance": "rfc-abc", "version": "abc"}
    entry = {"target": "abc", "outcome": "Succeeded", "reason": "Succeeded", "startTime": BORN, "endTime": BORN}
    report(create_titanic(client), variants=[variant], history=[entry])
    assert completed(kubeconfig, client.namespace, *words) == [expected]


def completed(kubeconfig: Path, namespace: str, *words: str) -> list[str]:
    """What bash would offer for the last word."""
    line = " ".join(("mlendpoints", "--kubeconfig", str(kubeconfig), "-n", namespace, *words))
    shell = {"_MLENDPOINTS_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    found = run(**shell, MLENDPOINTS_COMPLETION_SECONDS="90")
    return found.stdout.split()


def test_the_status_of_an_endpoint_is_a_tree(cli: Cli, client: MLOpsClient, report: Report) -> None:
    report(
        create_titanic(client), conditions={"Ready": ("Unknown", "ModelsReady: blue: 0 of 1 pods.")}, state="Creating"
    )
    found = cli("status", "titanic")
    assert found.stdout == "◌ endpoint titanic  Creating\n    ModelsReady: blue: 0 of 1 pods.\n"
    assert json.loads(cli("status", "titanic", "-o", "json").stdout)["state"] == "waits"


def test_a_watched_status_is_printed_again_when_it_changes_and_ends_with_ctrl_c(
    client: MLOpsClient, report: Report, kubeconfig: Path, namespace: str
) -> None:
    endpoint = create_titanic(client)
    report(endpoint, conditions={"Ready": ("Unknown", "Starting.")}, state="Creating")
    command = [*PROGRAM, "--kubeconfig", str(kubeconfig), "-n", namespace, "status", "titanic", "--watch"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "◌ endpoint titanic  Creating\n"
    report(endpoint, conditions={"Ready": ("True", "It is.")}, state="InService")
    assert [process.stdout.readline() for _ in range(3)] == ["    Starting.\n", "\n", "✔ endpoint titanic  InService\n"]
    process.send_signal(signal.SIGINT)
    assert process.communicate()[1] == "Interrupted.\n"
    assert process.returncode == 130
