"""A control plane with the controllers of workloads, and in it what `deploy/install.yaml` grants to the operator."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mlendpoints.api.policy import OPERATOR
from tests.apiserver.conftest import kept_folder
from tests.kit.client import Client, connected
from tests.kit.control_plane import control_plane
from tests.kit.control_plane import install as install_kinds
from tests.kit.waiting import poll_until

ROOT = Path(__file__).parents[3]
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture(scope="session")
def workloads_kubeconfig() -> Iterator[Path]:
    """Path of a cluster administrator's kubeconfig."""
    with control_plane("--istio-crds", "--workloads", kept=kept_folder("-workloads")) as path:
        asyncio.run(_install(path))
        yield path


async def _install(kubeconfig: Path) -> None:
    await install_kinds(kubeconfig)
    async with connected(kubeconfig) as client:
        for manifest in yaml.safe_load_all((ROOT / "deploy/install.yaml").read_text()):
            if manifest["kind"] == "ClusterRole":
                await client.apply(f"{_RBAC}/clusterroles/{manifest['metadata']['name']}", manifest)
        await _take_back_everything(client)
        await poll_until(lambda: _editors_may_write(client), "the cluster's own roles know MLModels")


async def _editors_may_write(client: Client) -> bool:
    return b'"mlmodels"' in await client.ask("GET", f"{_RBAC}/clusterroles/edit")


async def _take_back_everything(client: Client) -> None:
    """The operator may do what the chart grants, and no more."""
    await client.apply(f"{_RBAC}/clusterroles/test-lease", _LEASES)
    await client.ask("DELETE", f"{_RBAC}/clusterrolebindings/bench-operator")
    for role in ("mlendpoints-operator", "test-lease"):
        await client.apply(f"{_RBAC}/clusterrolebindings/test-{role}", _binding(role))


_LEASES = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "test-lease"},
    "rules": [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]}],
}


def _binding(role: str) -> dict[str, object]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"test-{role}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": OPERATOR}],
    }
