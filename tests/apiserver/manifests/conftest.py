"""The API server with Istio's kinds, and a namespace that admits only what is fit for ``restricted``."""

import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.apiserver.manifests.objects import Objects
from tests.apiserver.server import Server

ROOT = Path(__file__).parents[3]
PODS_ADMITTED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/enforce-version": "latest",
}


@pytest.fixture(scope="session")
def istio(kubeconfig: Path) -> None:
    """Istio's CRDs, in the control plane that is up already."""
    command = [sys.executable, "-m", "cluster", "control-plane", "up", "--dir", str(kubeconfig.parent), "--istio-crds"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)


@pytest.fixture
def objects(server: Server, istio: None) -> Objects:  # noqa: ARG001 - it has to be there
    """A new namespace with Pod Security ``restricted`` enforced, seen by the operator."""
    namespace = f"test-{uuid.uuid4().hex[:10]}"
    body = {"metadata": {"name": namespace, "labels": PODS_ADMITTED}}
    server.ask("POST", "/api/v1/namespaces", body=body).raise_for_status()
    objects = Objects(server.http, namespace)
    for account in ("default", "reader"):  # no controller runs that would make the first
        objects.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}})
    return objects
