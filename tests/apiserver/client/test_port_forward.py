"""Which rights a forwarded port needs of the real API server. There is no kubelet: what is allowed fails later."""

import asyncio
from pathlib import Path

import pytest

from mlendpoints.client import AsyncMLOpsClient, MLOpsClient, UnreachableError
from mlendpoints.edge.kube.session import open_session
from tests.apiserver.api.conftest import MARKERS, grant, until_known
from tests.apiserver.client.conftest import Report, create_titanic
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
    report(create_titanic(client), url="http://titanic.example.invalid")
    core = f"/api/v1/namespaces/{client.namespace}"
    container = {"name": "envoy", "image": "registry.example.com/envoy:1"}
    accounts = {"metadata": {"name": "default"}}
    server.ask("POST", f"{core}/serviceaccounts", body=accounts)
    pod = {"metadata": {"name": "gateway-1"}, "spec": {"containers": [container], "nodeName": "nowhere"}}
    server.ask("POST", f"{core}/pods", body=pod).raise_for_status()
    spec = {"clusterIP": "None", "ports": [{"name": "http2", "port": 80}]}
    server.ask("POST", f"{core}/services", body={"metadata": {"name": "gateway"}, "spec": spec}).raise_for_status()
    backend = {"addresses": ["192.0.2.1"], "targetRef": {"kind": "Pod", "name": "gateway-1"}}
    found = {
        "metadata": {"name": "gateway-1", "labels": {"kubernetes.io/service-name": "gateway"}},
        "addressType": "IPv4",
        "endpoints": [backend],
        "ports": [{"name": "http2", "port": 8080}],
    }
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{client.namespace}/endpointslices"
    server.ask("POST", slices, body=found).raise_for_status()
    return client


def failure(user: str, namespace: str, kubeconfig: Path) -> str:
    """What a prediction fails with."""

    async def invoke() -> str:
        async with AsyncMLOpsClient(kubeconfig=kubeconfig, namespace=namespace, gateway=f"{namespace}/gateway") as eve:
            connection = eve._connection  # noqa: SLF001 - the client itself impersonates nobody
            connection._session = open_session(connection.config, impersonate=user)  # noqa: SLF001
            with pytest.raises(UnreachableError) as caught:
                await eve.endpoint("titanic").invoke({})
            return str(caught.value)

    return asyncio.run(invoke())


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], "rights to get and to create pods/portforward there. Pass its address: MLOpsClient(gateway="),
        ([FORWARD], "gateway-1 or its node does not exist"),  # there is no kubelet
    ],
    ids=["without", "with"],
)
def test_forwarding_a_port_needs_a_right_that_the_error_names(
    titanic: MLOpsClient, server: SyncClient, kubeconfig: Path, rules: list[Object], expected: str
) -> None:
    user = f"{'with' if rules else 'without'}@example.com"
    grant(server, titanic.namespace, user, [*READ, *rules])
    until_known(server.impersonating(user), titanic.namespace)
    assert expected in failure(user, titanic.namespace, kubeconfig)
