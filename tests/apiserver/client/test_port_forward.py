"""Forwarded ports through the real API server, to a kubelet of the test's own, and the rights that they need."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mlendpoints.client import AsyncMLOpsClient, MLOpsClient, UnreachableError
from mlendpoints.edge.kube.session import open_session
from tests.apiserver.api.conftest import MARKERS, grant, until_known
from tests.apiserver.client.conftest import Report, create_titanic
from tests.kit.certificates import signed
from tests.kit.forwarding import HOST, POD, PORT, Stage, serving
from tests.kit.sync_client import Object, SyncClient

READ: list[Object] = [
    {"apiGroups": [""], "resources": ["services"], "verbs": ["get"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list"]},
    {"apiGroups": ["mlendpoints.dev"], "resources": ["machinelearningendpoints"], "verbs": ["get"]},
    MARKERS,
]
FORWARD: Object = {"apiGroups": [""], "resources": ["pods/portforward"], "verbs": ["get", "create"]}


@pytest.fixture
def titanic(client: MLOpsClient, report: Report, server: SyncClient) -> MLOpsClient:
    """An endpoint behind a gateway that only the API server can reach: a Service without an address, and its pod."""
    report(create_titanic(client), url=f"http://{HOST}")
    core = f"/api/v1/namespaces/{client.namespace}"
    server.ask("POST", f"{core}/serviceaccounts", body={"metadata": {"name": "default"}})
    container = {"name": "envoy", "image": "registry.example.com/envoy:1"}
    pod = {"metadata": {"name": POD}, "spec": {"containers": [container], "nodeName": client.namespace}}
    server.ask("POST", f"{core}/pods", body=pod).raise_for_status()
    spec = {"clusterIP": "None", "ports": [{"name": "http2", "port": 80}]}
    server.ask("POST", f"{core}/services", body={"metadata": {"name": "gateway"}, "spec": spec}).raise_for_status()
    backend = {"addresses": ["192.0.2.1"], "targetRef": {"kind": "Pod", "name": POD}}
    found = {
        "metadata": {"name": POD, "labels": {"kubernetes.io/service-name": "gateway"}},
        "addressType": "IPv4",
        "endpoints": [backend],
        "ports": [{"name": "http2", "port": PORT}],
    }
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{client.namespace}/endpointslices"
    server.ask("POST", slices, body=found).raise_for_status()
    return client


@asynccontextmanager
async def acting_as(user: str, namespace: str, kubeconfig: Path) -> AsyncIterator[AsyncMLOpsClient]:
    """A client with this user's rights."""
    async with AsyncMLOpsClient(kubeconfig=kubeconfig, namespace=namespace, gateway=f"{namespace}/gateway") as client:
        connection = client._connection  # noqa: SLF001 - the client itself impersonates nobody
        connection._session = open_session(connection.config, impersonate=user)  # noqa: SLF001
        yield client


def add_node(server: SyncClient, name: str, port: int) -> None:
    """A node whose kubelet listens at this port of the machine."""
    server.ask("POST", "/api/v1/nodes", body={"metadata": {"name": name}}).raise_for_status()
    address = {"type": "InternalIP", "address": "127.0.0.1"}
    status = {"addresses": [address], "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}
    media = {"Content-Type": "application/merge-patch+json"}
    server.ask("PATCH", f"/api/v1/nodes/{name}/status", body={"status": status}, headers=media).raise_for_status()


def test_bytes_go_through_the_api_server_to_the_kubelet_of_the_pods_node(
    titanic: MLOpsClient, server: SyncClient, kubeconfig: Path, tmp_path: Path
) -> None:
    stage, namespace, body = Stage(), titanic.namespace, bytes(range(256)) * 4000
    grant(server, namespace, "ann@example.com", [*READ, FORWARD])
    until_known(server.impersonating("ann@example.com"), namespace)

    async def invoke() -> list[bytes]:
        tls = signed(tmp_path, kubeconfig.parent / "certificates")
        async with serving(stage.gateway()) as stage.gateway_port, serving(stage.node(), tls) as port:
            await asyncio.to_thread(add_node, server, namespace, port)
            async with acting_as("ann@example.com", namespace, kubeconfig) as client:
                endpoint = client.endpoint("titanic")
                return [(await endpoint.invoke(data)).content for data in (b"first", body)]

    try:
        assert asyncio.run(invoke()) == [b"first", body]
    finally:
        server.ask("DELETE", f"/api/v1/nodes/{namespace}")
    assert stage.bodies == [b"first", body]
    assert stage.forwards == [(POD, str(PORT))]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], "rights to get and to create pods/portforward there. Pass its address: MLOpsClient(gateway="),
        ([FORWARD], "gateway-1 or its node does not exist"),
    ],
    ids=["without", "with"],
)
def test_forwarding_a_port_needs_a_right_that_the_error_names(
    titanic: MLOpsClient, server: SyncClient, kubeconfig: Path, rules: list[Object], expected: str
) -> None:
    user = f"{'with' if rules else 'without'}@example.com"
    grant(server, titanic.namespace, user, [*READ, *rules])
    until_known(server.impersonating(user), titanic.namespace)

    async def invoke() -> str:
        async with acting_as(user, titanic.namespace, kubeconfig) as client:
            with pytest.raises(UnreachableError) as caught:
                await client.endpoint("titanic").invoke({})
            return str(caught.value)

    assert expected in asyncio.run(invoke())
