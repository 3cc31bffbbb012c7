"""What the roles for people allow them with MLModels."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mlendpoints.edge.kube.kinds import MLMODEL
from tests.apiserver.mlmodel.rig import a_spec
from tests.kit.client import Client, RequestError, connected

_RBAC = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
_PATH = MLMODEL.path("default", "titanic")
_MERGE = "application/merge-patch+json"


async def create(client: Client) -> None:
    manifest = {"apiVersion": MLMODEL.api_version, "kind": MLMODEL.name, "metadata": {"name": "titanic"}}
    await client.create(MLMODEL.path("default"), manifest | {"spec": a_spec()})


async def read(client: Client) -> None:
    await client.items(MLMODEL.path("default"))


async def scale(client: Client) -> None:
    await client.ask("PATCH", f"{_PATH}/scale", body={"spec": {"replicas": 2}}, media=_MERGE)


async def tell(client: Client) -> None:
    await client.ask("PATCH", f"{_PATH}/status", body={"status": {"phase": "Ready"}}, media=_MERGE)


async def delete(client: Client) -> None:
    await client.ask("DELETE", _PATH)


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("mlendpoints-view", ["read"]),
        ("edit", ["create", "read", "scale", "delete"]),
        ("view", ["read"]),
    ],
)
def test_editors_write_and_scale_viewers_read_and_nobody_sets_the_status(
    workloads_kubeconfig: Path, role: str, may: list[str]
) -> None:
    user = f"{role}@example.com"

    async def allowed() -> list[str]:
        await bind(workloads_kubeconfig, user, role)
        async with connected(workloads_kubeconfig, user=user) as client:
            return [step.__name__ for step in (create, read, scale, tell, delete) if await is_allowed(step, client)]

    assert asyncio.run(allowed()) == may


async def is_allowed(step: Callable[[Client], Awaitable[None]], client: Client) -> bool:
    try:
        await step(client)
    except RequestError as error:
        if error.status != 403:
            raise
        return False
    return True


async def bind(kubeconfig: Path, user: str, role: str) -> None:
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"test-{role}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    }
    async with connected(kubeconfig) as client:
        await client.apply(f"{_RBAC}/test-{role}", binding)
