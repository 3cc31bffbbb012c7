"""The verbs install, upgrade and uninstall on a control plane of their own: what they leave is what was there."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlendpoints.client.release.contents import read_release
from tests.apiserver.cli.conftest import Cli, Result, run
from tests.kit.control_plane import control_plane
from tests.kit.sync_client import SyncClient
from tests.kit.waiting import wait_until

REGISTRY = ("--set", "images.registry=registry.example.com/team")
PLACE = "operators"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{PLACE}/deployments/mlendpoints-operator"
ENDPOINTS = "/apis/mlendpoints.dev/v1alpha1/namespaces/default/machinelearningendpoints"
MERGE = {"Content-Type": "application/merge-patch+json"}
VOLATILE = ("events", "leases", "endpointslices", "endpoints", "apiservices", "ipaddresses")  # of the API server itself


@pytest.fixture(scope="module")
def own_kubeconfig() -> Iterator[Path]:
    with control_plane() as path:
        yield path


@pytest.fixture(scope="module")
def own(own_kubeconfig: Path) -> Iterator[SyncClient]:
    server = SyncClient.at(own_kubeconfig)
    server.ask("POST", "/api/v1/namespaces", body={"metadata": {"name": PLACE}}).raise_for_status()
    yield server
    server.http.close()


@pytest.fixture
def cli(own: SyncClient, own_kubeconfig: Path) -> Iterator[Cli]:  # noqa: ARG001 - the namespace is there
    """Runs the command; afterwards nothing is installed."""

    def in_place(*arguments: str, **rest: str) -> Result:
        return run("--kubeconfig", str(own_kubeconfig), "-n", PLACE, *arguments, **rest)

    yield in_place
    gone = in_place("uninstall", "--delete-crds")
    assert gone.returncode == 0, gone.stderr


def inventory(server: SyncClient) -> set[str]:
    """Every object in the API server, by path."""
    return {path for base in _groups(server) for path in _objects(server, base)}


def names(paths: set[str]) -> set[str]:
    return {path.split("/")[-1] for path in paths}


def _groups(server: SyncClient) -> Iterator[str]:
    yield "/api/v1"
    for group in server.read("/apis")["groups"]:
        yield f"/apis/{group['preferredVersion']['groupVersion']}"


def _objects(server: SyncClient, base: str) -> Iterator[str]:
    answer = server.ask("GET", base)
    for resource in answer.json()["resources"] if answer.is_success else ():
        plural = resource["name"]
        if "/" in plural or "list" not in resource["verbs"] or plural in VOLATILE:
            continue
        for item in server.ask("GET", f"{base}/{plural}").json().get("items", ()):
            yield f"{base}/{plural}/{item['metadata'].get('namespace', '')}/{item['metadata']['name']}"


@pytest.fixture
def rolling_out(own: SyncClient) -> Iterator[None]:
    """In place of a controller: the operator's Deployment has a ready pod as soon as it is seen."""
    ended = threading.Event()

    def play() -> None:
        while not ended.wait(0.2):
            found = own.ask("GET", DEPLOYMENT)
            if found.is_success:
                generation, count = found.json()["metadata"]["generation"], found.json()["spec"]["replicas"]
                counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas", "readyReplicas"), count)
                status = {"observedGeneration": generation, **counts}
                own.ask("PATCH", f"{DEPLOYMENT}/status", body={"status": status}, headers=MERGE)

    thread = threading.Thread(target=play)
    thread.start()
    yield
    ended.set()
    thread.join()


def environment(server: SyncClient) -> dict[str, str]:
    (container,) = server.read(DEPLOYMENT)["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each.get("value", "") for each in container["env"]}


@pytest.mark.usefixtures("rolling_out")
def test_an_operator_is_installed_upgraded_and_uninstalled_with_nothing_left_behind(own: SyncClient, cli: Cli) -> None:
    before = inventory(own)
    done = cli("install", *REGISTRY, "--set", "gateway.domain=ml.example.com")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"The operator is ready in namespace {PLACE}.")
    assert f"Deployment {PLACE}/mlendpoints-operator applied" in done.stdout
    installed = inventory(own)
    assert names(installed - before) == {obj["metadata"]["name"] for obj in read_release().objects[1:]}
    assert cli("doctor").stdout.count("The CRD of") == 4

    again = cli("install", *REGISTRY)
    assert (again.returncode, again.stdout) == (1, "")
    assert "is installed in namespace operators. Change it by `mlendpoints upgrade`." in again.stderr

    upgraded = cli("upgrade", "--set", "workers=3")
    assert upgraded.returncode == 0, upgraded.stderr
    assert environment(own)["MLENDPOINTS_WORKERS"] == "3"
    assert environment(own)["MLENDPOINTS_GATEWAY_DOMAIN"] == "ml.example.com"
    assert inventory(own) == installed
    reset = cli("upgrade", "--reset-values", *REGISTRY)
    assert reset.returncode == 0, reset.stderr
    assert environment(own)["MLENDPOINTS_WORKERS"] == "16"

    removed = cli("uninstall")
    assert removed.returncode == 0, removed.stderr
    assert "The CRDs and their objects stay" in removed.stderr
    assert names(inventory(own) - before) == {
        obj["metadata"]["name"] for obj in read_release().objects if obj["kind"].startswith("Custom")
    }
    everything = cli("uninstall", "--delete-crds")
    assert everything.returncode == 0, everything.stderr
    assert inventory(own) == before


def test_a_namespace_that_does_not_exist_is_created_and_stays(own: SyncClient, cli: Cli) -> None:
    done = cli("install", "-n", "fresh", *REGISTRY, "--no-wait")
    assert done.stdout.splitlines()[0] == "Namespace fresh applied"
    labels = own.read("/api/v1/namespaces/fresh")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert own.ask("GET", DEPLOYMENT.replace(PLACE, "fresh")).is_success
    removed = cli("uninstall")
    assert "The namespace fresh stays; `kubectl delete namespace fresh` deletes it." in removed.stderr
    assert own.ask("GET", DEPLOYMENT.replace(PLACE, "fresh")).status_code == 404
    assert cli("uninstall").stderr == "Nothing is installed that `mlendpoints install` has installed.\n"


def test_an_upgrade_deletes_what_the_earlier_release_installed_and_nothing_else(own: SyncClient, cli: Cli) -> None:
    assert cli("install", *REGISTRY, "--no-wait").returncode == 0
    labels = {"app.kubernetes.io/part-of": "mlendpoints", "app.kubernetes.io/managed-by": "mlendpoints-cli"}
    services = f"/api/v1/namespaces/{PLACE}/services"
    for name, known in (("earlier", labels), ("foreign", {"app.kubernetes.io/part-of": "mlendpoints"})):
        body = {"metadata": {"name": name, "labels": known}, "spec": {"ports": [{"port": 80}]}}
        own.ask("POST", services, body=body).raise_for_status()
    tried = cli("upgrade", "--dry-run")
    assert tried.stderr == f"Service {PLACE}/earlier would be deleted\n"
    assert {each["kind"] for each in yaml.safe_load_all(tried.stdout)} >= {"Deployment", "ClusterRole"}
    done = cli("upgrade", "--no-wait")
    assert f"Service {PLACE}/earlier deleted" in done.stdout.splitlines()
    assert own.ask("GET", f"{services}/earlier").status_code == 404
    own.ask("DELETE", f"{services}/foreign").raise_for_status()


def test_uninstall_is_rejected_while_endpoints_exist_and_can_wait_for_their_end(
    own: SyncClient, cli: Cli, own_kubeconfig: Path
) -> None:
    assert cli("install", *REGISTRY, "--no-wait").returncode == 0
    endpoint = {
        "apiVersion": "mlendpoints.dev/v1alpha1",
        "kind": "MachineLearningEndpoint",
        "metadata": {"name": "titanic"},
        "spec": {"config": "titanic", "host": "titanic.example.com"},
    }
    wait_until(lambda: own.ask("POST", ENDPOINTS, body=endpoint).status_code in (201, 409), "the kind is served")
    refused = cli("uninstall")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "default/titanic. Delete them first, by `mlendpoints delete NAME`" in refused.stderr
    assert own.ask("GET", DEPLOYMENT).is_success
    late = cli("uninstall", "--wait", "--timeout", "0")
    assert late.returncode == 3
    command = ["--kubeconfig", str(own_kubeconfig), "-n", PLACE, "uninstall", "--wait"]
    waiting, result = _in_background(lambda: run(*command))
    own.ask("DELETE", f"{ENDPOINTS}/titanic").raise_for_status()
    waiting.join()
    assert result[0].returncode == 0, result[0].stderr
    assert own.ask("GET", DEPLOYMENT).status_code == 404


def _in_background(work: Callable[[], Result]) -> tuple[threading.Thread, list[Result]]:
    result: list[subprocess.CompletedProcess[str]] = []
    thread = threading.Thread(target=lambda: result.append(work()))
    thread.start()
    return thread, result


def test_an_operator_that_helm_manages_is_left_alone(own: SyncClient, cli: Cli) -> None:
    assert cli("install", *REGISTRY, "--no-wait").returncode == 0
    label = {"metadata": {"labels": {"app.kubernetes.io/managed-by": "Helm"}}}
    own.ask("PATCH", DEPLOYMENT, body=label, headers=MERGE).raise_for_status()
    for arguments in (("install", *REGISTRY), ("upgrade",), ("uninstall",)):
        found = cli(*arguments)
        assert (found.returncode, found.stdout) == (1, "")
        assert "is managed by Helm. Use what has installed it" in found.stderr
    label["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "mlendpoints-cli"
    own.ask("PATCH", DEPLOYMENT, body=label, headers=MERGE).raise_for_status()


def test_a_dry_run_of_install_sends_nothing(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"images": {"registry": "registry.example.com/team"}, "replicas": 2}))
    nowhere = {"KUBECONFIG": str(tmp_path / "missing"), "HOME": str(tmp_path)}
    printed = run("install", "--dry-run", "--values", str(values), "--set", "replicas=0", **nowhere)
    objects = list(yaml.safe_load_all(printed.stdout))
    assert (printed.returncode, len(objects)) == (0, len(read_release().objects))
    assert objects[-1]["spec"]["replicas"] == 0
    listed: dict[str, Any] = json.loads(run("install", "--dry-run", "-o", "json", *REGISTRY, **nowhere).stdout)
    assert listed["kind"] == "List"
    wrong = run("install", "--dry-run", *REGISTRY, "--set", "watchNamespaces={a}", **nowhere)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert run("upgrade", **nowhere).returncode == 2


def test_without_an_operator_an_upgrade_says_what_to_do(own: SyncClient, cli: Cli) -> None:
    assert own
    assert cli("upgrade").stderr.endswith("No operator is installed. Install one by `mlendpoints install`.\n")


def test_a_rollout_that_does_not_end_times_out_with_what_is_missing(own: SyncClient, cli: Cli) -> None:
    assert own
    found = cli("install", *REGISTRY, "--timeout", "1")
    assert found.returncode == 3
    assert "It continues in the cluster; see `kubectl --namespace operators get pods`." in found.stderr
