"""A real etcd and kube-apiserver for the tests below, started once; CRDs and policy installed.

``MLENDPOINTS_CONTROL_PLANE_DIR`` names the folder of a control plane to use and
to leave running, so that a second run of the tests starts at once.
"""

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mlendpoints.edge.kube import kinds
from tests.kit.control_plane import control_plane, with_variables
from tests.kit.control_plane import install as install_kinds
from tests.kit.prometheus_operator import pod_monitor_crd
from tests.kit.sync_client import Object, SyncClient
from tests.kit.waiting import wait_until
from tests.sweep.administrator import LISTENERS as ADMINISTRATORS_LISTENERS

ROOT = Path(__file__).parents[2]
PREFIXES = ("/mnt", "/mnt/models")  # below which the operator may have node directories
MONITOR_LABELS = {"release": "prometheus"}  # by which Prometheus selects PodMonitors
LISTENERS = ("80/", "443/titanic", "443/wildcard")  # at which its Gateways may listen: port, and TLS credential


_RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
WITNESS = (  # a policy that is applied last: once it rejects its ConfigMap, all others are in force
    {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "witness.example.com"},
        "spec": {
            "matchConstraints": {"resourceRules": [_RULE | {"resourceNames": ["witness"]}]},
            "validations": [{"expression": "false", "message": "all policies are in force"}],
        },
    },
    {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "witness.example.com"},
        "spec": {"policyName": "witness.example.com", "validationActions": ["Deny"]},
    },
)


def kept_folder(suffix: str = "") -> str:
    """Where a control plane is to be left running; nothing unless it was asked for."""
    kept = os.environ.get("MLENDPOINTS_CONTROL_PLANE_DIR")
    return f"{kept}{suffix}" if kept else ""


@pytest.fixture(scope="session")
def kubeconfig() -> Iterator[Path]:
    """Path of a cluster administrator's kubeconfig."""
    with control_plane(kept=kept_folder()) as path:
        yield path


@pytest.fixture(scope="session")
def collecting_kubeconfig() -> Iterator[Path]:
    """The same of a second control plane, for whole operators: with garbage collection and with Istio's kinds.

    In the first one, owners that a test has made up would have their children collected.
    """
    with control_plane("--istio-crds", "--controllers", kept=kept_folder("-collecting")) as path:
        asyncio.run(install_kinds(path, listeners=ADMINISTRATORS_LISTENERS))
        yield path


@pytest.fixture(scope="session")
def server(kubeconfig: Path) -> Iterator[SyncClient]:
    """The API server, which knows the project's kinds and policy."""
    server = SyncClient.at(kubeconfig)
    for obj in _documents("deploy/crds", "deploy/policies"):
        install(server, with_variables(obj, prefixes=PREFIXES, listeners=LISTENERS, monitorLabels=MONITOR_LABELS))
    wait_until(lambda: _established(server), "the CRDs are established")
    for obj in WITNESS:
        install(server, obj)
    wait_until(lambda: _are_in_force(server), "the policies are in force")
    yield server
    server.http.close()


@pytest.fixture(scope="session")
def istio(kubeconfig: Path) -> None:
    """Istio's CRDs, in the control plane that is up already."""
    command = [sys.executable, "-m", "cluster", "control-plane", "up", "--dir", str(kubeconfig.parent), "--istio-crds"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)


@pytest.fixture
def pod_monitors(server: SyncClient) -> None:
    """The Prometheus operator's PodMonitors; no other test relies on their absence unless it removes them."""
    install(server, pod_monitor_crd())
    wait_until(lambda: server.ask("GET", kinds.POD_MONITOR.path()).is_success, "PodMonitors are served")


@pytest.fixture
def namespace(server: SyncClient) -> str:
    """A new, empty namespace."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    server.ask("POST", "/api/v1/namespaces", body={"metadata": {"name": name}}).raise_for_status()
    return name


def install(server: SyncClient, obj: Object) -> None:
    """Apply a cluster-scoped object, whatever was there."""
    group = obj["apiVersion"]
    plural = f"{obj['kind'].lower()}s".replace("policys", "policies")
    path = f"/apis/{group}/{plural}/{obj['metadata']['name']}?fieldManager=test&force=true"
    headers = {"Content-Type": "application/apply-patch+yaml"}
    answer = server.ask("PATCH", path, body=obj, headers=headers)
    assert answer.is_success, answer.text


def _documents(*folders: str) -> Iterator[Object]:
    for folder in folders:
        for path in sorted((ROOT / folder).glob("*.yaml")):
            yield from yaml.safe_load_all(path.read_text())


def _established(server: SyncClient) -> bool:
    crds = server.read("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")["items"]
    ours = [crd for crd in crds if crd["spec"]["group"] == "mlendpoints.dev"]
    return all(
        any(c["type"] == "Established" and c["status"] == "True" for c in crd.get("status", {}).get("conditions", []))
        for crd in ours
    )


def _are_in_force(server: SyncClient) -> bool:
    answer = server.ask(
        "POST", "/api/v1/namespaces/default/configmaps?dryRun=All", body={"metadata": {"name": "witness"}}
    )
    return answer.status_code == 422
