"""The operator as a process of its own, as in a cluster."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from bench.figures import Scrape
from bench.gateway import NAME as GATEWAY
from bench.waiting import until
from mlendpoints.api.policy import OPERATOR

_STOP = 30.0  # seconds


@asynccontextmanager
async def operator(kubeconfig: Path, namespace: str, *more: str) -> AsyncIterator[Scrape]:
    """An operator that looks after these namespaces; yields how to read its metrics. Its log is by the kubeconfig."""
    port = _free_port()
    with (kubeconfig.parent / f"{namespace}.operator.log").open("wb") as log:
        its = make_environment([namespace, *more], gateway=f"{namespace}/{GATEWAY}", port=port)
        command = (sys.executable, "-m", "mlendpoints.edge")
        process = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, "KUBECONFIG": str(kubeconfig), **its}, stdout=log
        )
        try:
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
                await until(lambda: _is_ready(http, process), "the operator is ready", patience=60)
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
