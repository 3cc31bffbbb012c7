"""The verb metrics, from pods that a real API server reaches."""

import json

from mlendpoints.api import labels
from mlendpoints.api.policy import OPERATOR
from mlendpoints.client import MLOpsClient
from tests.apiserver.api.conftest import may_do_everything
from tests.apiserver.cli.conftest import Cli
from tests.apiserver.client.conftest import Report, create_titanic
from tests.apiserver.dashboard.pods import Load, create_pod, metrics_of
from tests.kit.sync_client import SyncClient

VERSION = "iqarvt52"


def create_instances(server: SyncClient, client: MLOpsClient) -> None:
    """Pods of blue and green, and the instances that say so."""
    endpoint = create_titanic(client)
    owner = {
        "apiVersion": "mlendpoints.dev/v1alpha1",
        "kind": endpoint.KIND,
        "name": "titanic",
        "controller": True,
        "uid": endpoint.metadata.uid,
        "blockOwnerDeletion": True,
    }
    names = {labels.ENDPOINT: "titanic", labels.VARIANT: "blue", labels.MANAGED_BY: labels.MANAGER}
    may_do_everything(server, OPERATOR)
    operator = server.impersonating(OPERATOR)
    path = f"/apis/mlendpoints.dev/v1alpha1/namespaces/{client.namespace}/machinelearningmodels"
    for variant, model in (("blue", "rfc"), ("green", "lr")):
        images = {"nginx": "registry.example.com/nginx:1", "modelInit": "registry.example.com/model-init:1"}
        frozen = {"endpoint": "titanic", "config": "titanic", "variant": variant, "model": model, "version": VERSION}
        sizes = {"cpus": "100m", "memory": "64Mi", "size": "1Gi"}
        name = f"{model}-{VERSION}"
        body = {
            "apiVersion": "mlendpoints.dev/v1alpha1",
            "kind": "MachineLearningModel",
            "metadata": {"name": name, "labels": names, "ownerReferences": [owner]},
            "spec": {
                "image": "registry.example.com/x:1",
                "replicas": 1,
                "instance": {**frozen, **sizes, "images": images},
            },
        }
        answer = operator.ask("POST", path, body=body)
        assert answer.is_success, answer.text
        create_pod(server, client.namespace, f"{variant}-1", instance=name)


def test_each_version_has_its_requests_errors_and_latencies(cli: Cli, client: MLOpsClient, server: SyncClient) -> None:
    create_instances(server, client)
    with metrics_of({"blue-1": Load(rate=1000), "green-1": Load(rate=800, errors=200)}):
        found = cli("metrics", "titanic")
        measured = json.loads(cli("metrics", "titanic", "--over", "1", "-o", "json").stdout)
    assert (found.returncode, found.stderr) == (0, "")
    head, blue, green = (line.split() for line in found.stdout.splitlines())
    assert head == ["VARIANT", "VERSION", "PODS", "REQUESTS", "ERRORS", "P50", "P99", "CPU", "MEMORY"]
    assert blue[:3] == ["blue", VERSION, "1"]
    assert blue[4:] == ["0", "11.4", "ms", "75.0", "ms"]
    assert green[5] == "(25.0%)"
    assert [row["variant"] for row in measured] == ["blue", "green"]
    assert measured[0]["requests"] >= 1000
    assert measured[0]["errors"] == 0


def test_pods_that_answer_with_anything_else_are_named_and_hide_no_others(
    cli: Cli, client: MLOpsClient, server: SyncClient
) -> None:
    create_instances(server, client)
    with metrics_of({"blue-1": Load(rate=10), "green-1": "/api/v1/namespaces/default/pods"}):
        found = cli("metrics", "titanic")
    assert found.returncode == 0
    assert found.stdout.splitlines()[1].startswith("blue")
    assert found.stderr.startswith("Error: The metrics of pod green-1 cannot be read")
    with metrics_of({"blue-1": "x" * (2 << 20), "green-1": "nothing"}):
        nothing = cli("metrics", "titanic")
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert nothing.stderr == "Error: Pod green-1 has no metrics of requests.\n"


def test_without_pods_it_says_where_to_look(cli: Cli, client: MLOpsClient, report: Report) -> None:
    report(create_titanic(client), state="Creating")
    found = cli("metrics", "titanic")
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.endswith("no running pods. `mlendpoints status titanic` shows what exists.\n")
    assert cli("metrics", "config/titanic").returncode == 2
