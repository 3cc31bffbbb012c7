"""On a whole cluster: real pods, gateways and istiod, and the operator that is installed there.

There is no floor here: bare writes of the same objects would start a second
set of pods. Others' endpoints on the same cluster count into the operator's figures.
"""

import os
import subprocess
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import yaml

from bench.objects import create_namespace
from bench.run import Run, Size, observe
from tests.kit.client import Client, Object, connected
from tests.kit.operator_process import Scrape
from tests.kit.waiting import poll_until

ROOT = Path(__file__).parents[1]
CONFIG = "titanic"
_EXAMPLE = ROOT / "examples/titanic"
_ON_CLUSTER = str(ROOT / "hack/on-cluster")
_OPERATOR = os.environ.get("MLENDPOINTS_LEASE_NAMESPACE", "machine-learning")
_LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{_OPERATOR}/leases/mlendpoints-operator"


async def run_on_cluster(size: Size) -> Run:
    """In a namespace of its own, with the Titanic example's models; afterwards it is gone."""
    async with with_example() as (client, namespace):
        return await observe(client, namespace, await _scrape(client), size, config=CONFIG)


@asynccontextmanager
async def with_example() -> AsyncIterator[tuple[Client, str]]:
    """A client of the cluster, and a namespace with the example's models and config, which is gone afterwards."""
    kubeconfig = Path(_run("printenv", "KUBECONFIG").strip())
    async with connected(kubeconfig) as client, _namespace(client) as namespace:
        _install_example(namespace)
        yield client, namespace


@asynccontextmanager
async def _namespace(client: Client) -> AsyncIterator[str]:
    name = f"bench-{uuid.uuid4().hex[:8]}"
    path = f"/api/v1/namespaces/{name}"
    await create_namespace(client, name)
    try:
        yield name
    finally:
        await client.ask("DELETE", path)
        await poll_until(lambda: client.is_gone(path), f"namespace {name} is gone")


async def _scrape(client: Client) -> Scrape:
    """How to read the metrics of the pod that leads, through the API server."""
    lease = msgspec.json.decode(await client.ask("GET", _LEASE))
    pod = lease["spec"]["holderIdentity"].rpartition("_")[0]

    async def page() -> str:
        path = f"/api/v1/namespaces/{_OPERATOR}/pods/{pod}:8080/proxy/metrics"
        return (await client.ask("GET", path)).decode()

    return page


def _install_example(namespace: str) -> None:
    documents = yaml.safe_load_all(_run("kubectl", "kustomize", str(_EXAMPLE)))
    items = [_moved(one, namespace) for one in documents if one["kind"] not in ("Namespace", "MachineLearningEndpoint")]
    listed = msgspec.json.encode({"apiVersion": "v1", "kind": "List", "items": items}).decode()
    _run("kubectl", "apply", "--server-side", "--filename", "-", text=listed)
    _run(
        "kubectl",
        "wait",
        "--namespace",
        namespace,
        "--for=condition=Available",
        "--timeout=180s",
        "deployment/artifacts",
    )


def _moved(manifest: Object, namespace: str) -> Object:
    moved = msgspec.json.encode(manifest | {"metadata": manifest["metadata"] | {"namespace": namespace}})
    decoded: Object = msgspec.json.decode(
        moved.replace(b"artifacts.titanic.svc", f"artifacts.{namespace}.svc".encode())
    )
    return decoded


def _run(*command: str, text: str = "") -> str:
    return subprocess.run((_ON_CLUSTER, *command), check=True, input=text, stdout=subprocess.PIPE, text=True).stdout
