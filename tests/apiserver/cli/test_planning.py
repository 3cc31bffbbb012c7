"""The verb plan: it shows what an apply then leads to, and changes nothing."""

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlendpoints.client import MLOpsClient
from mlendpoints.client.documents import LAST_APPLIED
from tests.apiserver.cli.conftest import Cli, run
from tests.apiserver.cli.recording import recorded
from tests.apiserver.client.conftest import create_titanic
from tests.apiserver.client.operating import collected, leading, operator, pods_become_ready
from tests.kit.sync_client import SyncClient
from tests.kit.waiting import wait_until

__all__ = ["collected", "operator"]

APPLY = {"Content-Type": "application/apply-patch+yaml"}
PLURALS = {
    "MachineLearningModel": "machinelearningmodels",
    "MachineLearningEndpointConfig": "machinelearningendpointconfigs",
    "MachineLearningEndpoint": "machinelearningendpoints",
}
CHILDREN = (
    "apis/mlendpoints.dev/v1alpha1/{}/machinelearningmodels",
    "apis/mlendpoints.dev/v1alpha1/{}/machinelearningendpointconfigs",
    "apis/apps/v1/{}/deployments",
    "api/v1/{}/services",
    "apis/networking.istio.io/v1/{}/virtualservices",
    "apis/networking.istio.io/v1/{}/destinationrules",
    "apis/networking.istio.io/v1/{}/gateways",
)


def document(kind: str, name: str, **spec: object) -> dict[str, Any]:
    return {"apiVersion": "mlendpoints.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def titanic(namespace: str, *, image: str = "registry.example.com/titanic:1", pods: int = 1) -> list[dict[str, Any]]:
    variant = {"name": "blue", "model": "titanic", "instances": pods, "cpus": "100m", "memory": "64Mi"}
    return [
        document("MachineLearningModel", "titanic", image=image),
        document("MachineLearningEndpointConfig", "titanic", models=[variant]),
        document("MachineLearningEndpoint", "titanic", config="titanic", host=f"titanic.{namespace}.example.com"),
    ]


def apply(server: SyncClient, namespace: str, documents: list[dict[str, Any]]) -> None:
    for each in documents:
        path = (
            f"/apis/mlendpoints.dev/v1alpha1/namespaces/{namespace}/{PLURALS[each['kind']]}/{each['metadata']['name']}"
        )
        server.ask("PATCH", f"{path}?fieldManager=test&force=true", body=each, headers=APPLY).raise_for_status()


def _listed(server: SyncClient, path: str) -> Any:  # noqa: ANN401 - JSON
    answer = server.ask("GET", path)
    return None if answer.status_code == 429 else answer.raise_for_status().json()


def children(server: SyncClient, namespace: str) -> set[tuple[str, str]]:
    found = set()
    for place in CHILDREN:
        path = "/" + place.format(f"namespaces/{namespace}")
        listed = wait_until(partial(_listed, server, path), "the kind is served")
        found |= {(listed["kind"].removesuffix("List"), item["metadata"]["name"]) for item in listed["items"]}
    return found


def named(refs: list[dict[str, str]]) -> set[tuple[str, str]]:
    return {(ref["kind"], ref["name"]) for ref in refs if ref["kind"] != "PodMonitor"}


def without_versions(refs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of a new endpoint depend on its uid, which is not known before."""
    return {(kind, re.sub(r"-[a-z2-7]{8}$", "", name)) for kind, name in refs}


@pytest.fixture
def operating(client: MLOpsClient, operator: str, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    assert operator
    with leading(client, kubeconfig, monkeypatch), pods_become_ready(kubeconfig, client.namespace):
        yield


def test_a_plan_equals_what_the_operator_then_does(
    cli: Cli, client: MLOpsClient, operating: None, server: SyncClient
) -> None:
    assert operating is None
    namespace = client.namespace
    for documents in (titanic(namespace), titanic(namespace, image="registry.example.com/titanic:2")):
        before = children(server, namespace)
        tried = cli("plan", "-f", "-", "-o", "json", text=yaml.safe_dump_all(documents))
        assert tried.returncode == 0, tried.stdout + tried.stderr
        planned = json.loads(tried.stdout)
        assert children(server, namespace) == before
        apply(server, namespace, documents)
        client.endpoint("titanic").wait()
        own = {(each["kind"], each["metadata"]["name"]) for each in documents}
        wait_until(partial(_has_removed, server, before, planned), "what is superseded is removed")
        after = children(server, namespace)
        created, wanted = after - before - own, named(planned["plan"]["create"])
        is_new = ("MachineLearningEndpoint", "titanic") in named(planned["create"])
        assert (without_versions(created) == without_versions(wanted)) if is_new else (created == wanted)
        assert before - after <= named(planned["plan"]["remove"])
    again = cli("plan", "-f", "-", text=yaml.safe_dump_all(documents))
    assert again.stdout.splitlines()[0] == "Nothing to do."
    assert again.returncode == 0


def _has_removed(server: SyncClient, before: set[tuple[str, str]], planned: dict[str, Any]) -> bool:
    """Whether all Deployments are gone that the plan removes; no garbage collector runs here for what they own."""
    wanted = {ref for ref in named(planned["plan"]["remove"]) if ref[0] == "Deployment"}
    return not wanted & children(server, planned["plan"]["objects"][0]["namespace"]) and wanted <= before


def test_the_plan_of_a_rollback_equals_the_rollback(
    cli: Cli, client: MLOpsClient, operating: None, server: SyncClient
) -> None:
    assert operating is None
    namespace = client.namespace
    for image in (1, 2):
        documents = titanic(namespace, image=f"registry.example.com/titanic:{image}")
        documents[-1]["spec"]["update"] = {"keepVersions": 1}
        apply(server, namespace, documents)
        client.endpoint("titanic").wait()
    before = children(server, namespace)
    planned = json.loads(cli("rollback", "titanic", "--dry-run", "-o", "json").stdout)
    assert children(server, namespace) == before
    assert client.V1Alpha1Model.get("titanic").spec.image == "registry.example.com/titanic:2"
    done = json.loads(cli("rollback", "titanic", "--no-wait", "-o", "json").stdout)
    assert done == planned["change"]
    assert [change["after"] for change in done] == ["registry.example.com/titanic:1"]
    assert {change["object"]["kind"] for change in planned["plan"]["change"]} >= {"Deployment"}  # is scaled again


def test_files_folders_and_lists_are_read_and_only_gets_are_sent(
    client: MLOpsClient, operator: str, server: SyncClient, tmp_path: Path
) -> None:
    assert operator
    model, config, endpoint = titanic(client.namespace)
    folder = tmp_path / "manifests"
    (folder / "deeper").mkdir(parents=True)
    (folder / "model.json").write_text(json.dumps(model))
    (folder / "notes.txt").write_text("none")
    (folder / "deeper" / "rest.yaml").write_text(
        yaml.safe_dump({"kind": "List", "items": [config, endpoint, {"kind": "Namespace", "apiVersion": "v1"}]})
    )
    with recorded(server, tmp_path) as (path, seen):
        arguments = ("--kubeconfig", str(path), "-n", client.namespace, "plan", "-f", str(folder))
        found = run(*arguments, "-R")
        flat = run(*arguments)
    assert found.stderr.splitlines()[0] == "Not planned, of other kinds: Namespace."
    assert f"+ MachineLearningEndpoint {client.namespace}/titanic" in found.stdout
    assert any(line.startswith(f"+ Deployment {client.namespace}/") for line in found.stdout.splitlines())
    assert "pods: 0 now, 1 at the peak" in found.stdout
    assert flat.stdout == f"+ MachineLearningModel {client.namespace}/titanic\n"
    assert {request.split()[0] for request in seen} == {"GET"}
    assert client.V1Alpha1Model.list() == ()


def test_what_does_not_fit_or_would_not_be_ready_ends_with_1(
    cli: Cli, client: MLOpsClient, operator: str, server: SyncClient
) -> None:
    assert operator
    namespace = client.namespace
    _, config, endpoint = titanic(namespace)
    found = cli("plan", "-f", "-", text=yaml.safe_dump_all([config, endpoint]))
    assert found.returncode == 1
    waits = f"MachineLearningEndpoint {namespace}/titanic: ConfigResolved: "
    assert any(line.startswith(waits) for line in found.stdout.splitlines()), found.stdout
    quota = {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "1"}}}
    path = f"/api/v1/namespaces/{namespace}/resourcequotas"
    server.ask("POST", path, body=quota).raise_for_status()
    counted = {**quota, "status": {"hard": {"pods": "1"}, "used": {"pods": "0"}}}  # no controller counts here
    server.ask("PUT", f"{path}/small/status", body=counted).raise_for_status()
    found = cli("plan", "-f", "-", text=yaml.safe_dump_all(titanic(namespace, pods=3)))
    assert "pods: 0 now, 3 at the peak; quota small leaves 1 more" in found.stdout
    assert found.returncode == 1


def test_the_nodes_free_capacity_is_shown(cli: Cli, client: MLOpsClient, operator: str, server: SyncClient) -> None:
    assert operator
    node = {"metadata": {"name": f"node-of-{client.namespace}"}}
    server.ask("POST", "/api/v1/nodes", body=node).raise_for_status()
    status = {
        "allocatable": {"cpu": "2", "memory": "1Gi", "pods": "10"},
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    media = {"Content-Type": "application/merge-patch+json"}
    path = f"/api/v1/nodes/{node['metadata']['name']}"
    server.ask("PATCH", f"{path}/status", body={"status": status}, headers=media).raise_for_status()
    server.ask("PATCH", path, body={"spec": {"taints": []}}, headers=media).raise_for_status()
    try:
        found = cli("plan", "-f", "-", text=yaml.safe_dump_all(titanic(client.namespace, pods=3)))
    finally:
        server.ask("DELETE", path).raise_for_status()
    assert "pods: 0 now, 3 at the peak; nodes have 10 free" in found.stdout.splitlines()
    assert any(
        line.startswith("requests.cpu: 0 now, ") and "; nodes have 2 free" in line for line in found.stdout.splitlines()
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_documents_are_merged_as_kubectl_apply_does(
    cli: Cli, client: MLOpsClient, operator: str, server: SyncClient
) -> None:
    assert operator
    create_titanic(client)
    path = f"/apis/mlendpoints.dev/v1alpha1/namespaces/{client.namespace}/machinelearningmodels/rfc"
    media = {"Content-Type": "application/merge-patch+json"}
    last = json.dumps({"spec": {"image": "registry.example.com/rfc:1", "port": 9000}})
    edit = {"metadata": {"annotations": {LAST_APPLIED: last}}, "spec": {"port": 9000, "healthPath": "/healthy"}}
    server.ask("PATCH", path, body=edit, headers=media).raise_for_status()
    wanted = document("MachineLearningModel", "rfc", image="registry.example.com/rfc:2")
    planned = json.loads(cli("plan", "-f", "-", "-o", "json", text=json.dumps(wanted)).stdout)
    changes = {change["field"]: change["after"] for change in planned["change"]}
    assert changes == {"spec.image": "registry.example.com/rfc:2", "spec.port": 8080}  # healthPath is of others


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("kind: [", 2, "stdin is not YAML"),
        ("- 1", 2, "is no object with a kind"),
        ("kind: Service\napiVersion: v1\n", 2, "There is no model, config, endpoint or MLModel in these files."),
        (json.dumps(document("MachineLearningModle", "x")), 1, "Did you mean MachineLearningModel"),
        (json.dumps(document("MachineLearningModel", "x", imgae="y", image="z")), 1, "there is no field spec.imgae"),
        (json.dumps(document("MachineLearningModel", "x", image=1)), 1, "Expected `str`"),
        ("[" * 5000, 2, "nested too deeply"),
    ],
)
def test_documents_that_are_wrong_are_one_sentence(cli: Cli, text: str, code: int, said: str) -> None:
    found = cli("plan", "-f", "-", text=text)
    assert (found.returncode, found.stdout) == (code, "")
    assert said in found.stderr
    assert "Traceback" not in found.stderr


def test_a_file_that_cannot_be_read_is_one_sentence(cli: Cli, tmp_path: Path) -> None:
    assert "Cannot read /nowhere.yaml" in cli("plan", "-f", "/nowhere.yaml").stderr
    assert "contains no files that end with" in cli("plan", "-f", str(tmp_path)).stderr
    assert cli("plan").returncode == 2
