"""The operator as a process of its own, as in a cluster."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from mlendpoints.api.policy import OPERATOR
from tests.kit.client import Object
from tests.kit.fake_gateway import NAME as GATEWAY
from tests.kit.images import image
from tests.kit.ports import free_port
from tests.kit.waiting import poll_until

Scrape = Callable[[], Awaitable[str]]  # a page of metrics
SIDECARS = {"model_init_image": image("model-init"), "nginx_image": image("nginx"), "shipper_image": image("shipper")}
_STOP = 30.0  # seconds
_RBAC = "rbac.authorization.k8s.io"


@asynccontextmanager
async def operator(kubeconfig: Path, namespace: str, *more: str) -> AsyncIterator[Scrape]:
    """An operator that looks after these namespaces; yields how to read its metrics. Its log is by the kubeconfig."""
    port = free_port()
    with (kubeconfig.parent / f"{namespace}.operator.log").open("wb") as log:
        its = make_environment([namespace, *more], gateway=f"{namespace}/{GATEWAY}", port=port)
        command = (sys.executable, "-m", "mlendpoints.edge")
        process = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, "KUBECONFIG": str(kubeconfig), **its}, stdout=log
        )
        try:
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
                await poll_until(lambda: _is_ready(http, process), "the operator is ready", timeout=60)
                yield lambda: _page(http)
        finally:
            process.terminate()
            await asyncio.wait_for(process.wait(), _STOP)


def variables(**settings: object) -> dict[str, str]:
    """Settings as the operator reads them."""
    return {f"MLENDPOINTS_{name.upper()}": str(value) for name, value in settings.items()}


def make_environment(namespaces: Sequence[str], *, gateway: str, **settings: object) -> dict[str, str]:
    """Variables of an operator outside of the cluster; its lease is in the first of the namespaces that it serves."""
    return variables(
        namespaces=",".join(namespaces),
        lease_namespace=namespaces[0],
        gateway_service=gateway,
        impersonate=OPERATOR,
        address="127.0.0.1",
        **{"port": 0} | settings,
    )


def make_bindings(namespace: str, gateway: str) -> Iterable[tuple[str, Object]]:
    """An operator's rights in its namespace and in the gateway's, with the namespace of each."""
    for where, role in ((namespace, "cluster-admin"), (gateway, "view")):
        yield (
            where,
            {
                "apiVersion": f"{_RBAC}/v1",
                "kind": "RoleBinding",
                "metadata": {"name": namespace, "namespace": where},
                "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
                "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": OPERATOR}],
            },
        )


async def _is_ready(http: httpx2.AsyncClient, process: asyncio.subprocess.Process) -> bool:
    if process.returncode is not None:
        raise RuntimeError(f"The operator ended with {process.returncode}")
    try:
        return (await http.get("/readyz")).is_success
    except httpx2.HTTPError:
        return False


async def _page(http: httpx2.AsyncClient) -> str:
    response = await http.get("/metrics", timeout=60)
    response.raise_for_status()
    return response.text
