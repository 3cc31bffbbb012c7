"""An operator that is installed for one namespace, its process where a test runs one, and pods that become ready."""

import asyncio
import gc
import threading
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlendpoints.api.policy import OPERATOR
from mlendpoints.client import AsyncMLOpsClient, MLOpsClient
from mlendpoints.client.installed import find_operator
from mlendpoints.edge.engine import Process
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.metrics import Metrics
from mlendpoints.edge.operator import Operator
from mlendpoints.edge.settings import Settings
from tests.apiserver.api.conftest import may_do_everything
from tests.kit.client import connected
from tests.kit.fake_workloads import make_ready
from tests.kit.running_operator import LEASE_TIMES, PLANS
from tests.kit.sync_client import SyncClient

ACCOUNT = "mlendpoints-operator"
NAMESPACE = "machine-learning"


@pytest.fixture
def operator(server: SyncClient, istio: None, namespace: str) -> Iterator[str]:  # noqa: ARG001 - Istio has to be there
    """An installed operator of the namespace alone, whose process does not run; its user."""
    assert f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}" == OPERATOR
    may_do_everything(server, OPERATOR)
    path = install(server, namespace)
    yield OPERATOR
    server.ask("DELETE", path).raise_for_status()


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Engines that are closed amid a TLS handshake leave sockets to the garbage collector: the HTTP library does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


def install(server: SyncClient, namespace: str) -> str:
    settings = {
        "NAMESPACES": namespace,
        "LEASE_NAMESPACE": namespace,
        "PROOF": "timed",
        "PROOF_SECONDS": "0",
        "MODEL_INIT_IMAGE": "registry.example.com/model-init:9",
        "ADDRESS": "127.0.0.1",
        "PORT": "0",
    }
    env = [{"name": f"MLENDPOINTS_{name}", "value": value} for name, value in settings.items()]
    labels = {"app.kubernetes.io/name": "mlendpoints", "app.kubernetes.io/component": "operator"}
    container = {"name": "operator", "image": "operator:1", "env": env}
    pod = {"metadata": {"labels": labels}, "spec": {"serviceAccountName": ACCOUNT, "containers": [container]}}
    name = f"operator-of-{namespace}"
    deployment = {
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": pod},
    }
    server.ask("POST", "/api/v1/namespaces", body={"metadata": {"name": NAMESPACE}})
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
    server.ask("POST", path, body=deployment).raise_for_status()
    return f"{path}/{name}"


def settings_of(kubeconfig: Path, namespace: str) -> Settings:
    async def read() -> Settings:
        async with AsyncMLOpsClient(kubeconfig=kubeconfig, namespace=namespace) as client:
            return (await find_operator(client._connection, namespace)).settings  # noqa: SLF001

    return asyncio.run(read())


@contextmanager
def in_background(coroutine_of: object) -> Iterator[None]:
    """Runs a coroutine in a loop of its own, until it is cancelled."""
    loop, tasks = asyncio.new_event_loop(), []

    def run() -> None:
        asyncio.set_event_loop(loop)
        task = loop.create_task(coroutine_of())  # type: ignore[operator]
        tasks.append(task)
        loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(tasks[0].cancel)
        thread.join()


@contextmanager
def leading(client: MLOpsClient, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The operator itself, with the installed settings."""
    settings = settings_of(kubeconfig, client.namespace)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))

    async def operate() -> None:
        metrics = Metrics()
        process = Process(identity=uuid.uuid4().hex, lease_times=LEASE_TIMES)
        api = Api.connect(impersonate=OPERATOR, observer=metrics.request)
        operator = Operator(settings=settings, plans=PLANS, process=process, api=api, metrics=metrics)
        task = asyncio.create_task(operator.run())
        try:
            await asyncio.shield(task)
        finally:
            operator.stop()
            await task

    with in_background(operate):
        yield


@contextmanager
def pods_become_ready(kubeconfig: Path, namespace: str) -> Iterator[None]:
    async def play() -> None:
        async with connected(kubeconfig) as client:
            await make_ready(client, namespace)

    with in_background(play):
        yield
