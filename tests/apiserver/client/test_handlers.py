"""Handlers on the real API server: the same plan as an operator's, shown, awaited or carried out."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from msgspec.structs import replace

from mlendpoints.client import (
    AsyncMLOpsClient,
    ClientError,
    ForbiddenError,
    KindClient,
    MLModel,
    MLModelSpec,
    MLOpsClient,
    NotFoundError,
    NotInstalledError,
    ObjectMeta,
    WaitTimeoutError,
    with_spec,
)
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.session import open_session
from tests.apiserver.api.conftest import MARKERS, MODELS, grant, until_known
from tests.apiserver.client.conftest import a_model, create_titanic
from tests.apiserver.client.operating import NAMESPACE, collected, leading, operator, pods_become_ready
from tests.apiserver.client.test_docstrings import failures
from tests.kit.sync_client import SyncClient
from tests.kit.waiting import wait_until

__all__ = ["collected", "operator"]

READS = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}


def kinds_of(refs: tuple[Ref, ...]) -> set[str]:
    return {ref.kind for ref in refs}


def holder(server: SyncClient, namespace: str) -> str:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/mlendpoints-operator"
    return str(server.read(path)["spec"].get("holderIdentity", ""))


def test_a_dry_run_shows_what_an_operator_would_create_and_only_reads(
    client: MLOpsClient, operator: str, kubeconfig: Path
) -> None:
    assert operator
    create_titanic(client)
    methods: list[str] = []

    async def record(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        methods.append(request.method + (" watch" if "watch" in request.url.query else ""))
        return await handler(request)

    async def play() -> None:
        async with AsyncMLOpsClient(kubeconfig=kubeconfig, namespace=client.namespace) as other:
            connection = other._connection  # noqa: SLF001 - all of its requests are recorded
            connection._session = open_session(connection.config, middlewares=[record])  # noqa: SLF001
            plan = await other.V1Alpha1Endpoint.create_handler("titanic", dry_run=True)
            assert kinds_of(plan.create) >= {"MachineLearningModel", "Deployment", "Service", "Gateway"}
            assert (plan.change, plan.remove) == ((), ())
            assert plan.waits_for[0].startswith(f"MachineLearningEndpoint {client.namespace}/titanic: ")

    asyncio.run(play())
    assert set(methods) == {"GET"}
    assert client.V1Alpha1Model.list(instances=True) == client.V1Alpha1Model.list()


def test_without_an_installed_operator_there_are_no_settings_to_plan_with(client: MLOpsClient) -> None:
    create_titanic(client)
    with pytest.raises(NotInstalledError, match="No operator serves namespace"):
        client.V1Alpha1Endpoint.create_handler("titanic", dry_run=True)


def test_what_does_not_exist_is_reported(client: MLOpsClient, operator: str) -> None:
    assert operator
    for dry_run in (True, False):
        with pytest.raises(NotFoundError, match="titanic does not exist"):
            client.V1Alpha1Endpoint.create_handler("titanic", dry_run=dry_run)


def test_where_no_operator_leads_the_dry_run_is_what_is_then_done_under_its_lease(
    client: MLOpsClient, operator: str, server: SyncClient
) -> None:
    assert operator
    create_titanic(client)
    planned = client.V1Alpha1Endpoint.create_handler("titanic", dry_run=True)
    done = client.V1Alpha1Endpoint.create_handler("titanic")
    assert done.create == planned.create
    assert (done.change, done.remove) == ((), ())
    assert client.V1Alpha1Endpoint.create_handler("titanic", dry_run=True).is_empty
    assert holder(server, client.namespace) == ""
    for deployment in server.read(f"/apis/apps/v1/namespaces/{client.namespace}/deployments")["items"]:
        containers = deployment["spec"]["template"]["spec"].get("initContainers", [])
        assert all("model-init:9" in each["image"] for each in containers if each["name"] == "model-init")


def test_without_an_operator_a_swap_and_a_deletion_are_carried_out_to_the_end(
    client: MLOpsClient, operator: str, kubeconfig: Path, server: SyncClient
) -> None:
    assert operator
    create_titanic(client)
    with pods_become_ready(kubeconfig, client.namespace):
        client.V1Alpha1Endpoint.create_handler("titanic", wait=True)
        assert client.V1Alpha1Endpoint.get("titanic").status.state == "InService"
        model = client.V1Alpha1Model.get("rfc")
        client.V1Alpha1Model.update(with_spec(model, image="registry.example.com/rfc:2"))
        plan = client.V1Alpha1Model.update_handler("rfc", dry_run=True)
        assert kinds_of(plan.create) >= {"MachineLearningModel", "Deployment", "Service"}
        done = client.V1Alpha1Model.update_handler("rfc", wait=True)
        assert set(done.create) == set(plan.create)
        with pytest.raises(ClientError, match="is not being deleted"):
            client.V1Alpha1Endpoint.delete_handler("titanic")
        removal = client.V1Alpha1Endpoint.delete_handler("titanic", dry_run=True)
        client.V1Alpha1Endpoint.delete("titanic")
        client.V1Alpha1Endpoint.delete_handler("titanic", wait=True)
        assert kinds_of(removal.remove) >= {"MachineLearningModel", "Deployment", "VirtualService", "Gateway"}
        with pytest.raises(NotFoundError):
            client.V1Alpha1Endpoint.get("titanic")
    assert holder(server, client.namespace) == ""


def test_a_wait_without_an_operator_times_out_with_what_is_missing_and_without_the_lease(
    client: MLOpsClient, operator: str, server: SyncClient
) -> None:
    assert operator
    create_titanic(client)
    with pytest.raises(WaitTimeoutError, match=r"Timed out after 20 s: MachineLearningEndpoint .*titanic"):
        client.V1Alpha1Endpoint.create_handler("titanic", wait=True, timeout=20)
    assert holder(server, client.namespace) == ""


def test_where_an_operator_leads_its_work_is_awaited(
    client: MLOpsClient, operator: str, kubeconfig: Path, server: SyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert operator
    with leading(client, kubeconfig, monkeypatch), pods_become_ready(kubeconfig, client.namespace):
        wait_until(lambda: _is_led(server, client.namespace), "an operator leads")
        leader = holder(server, client.namespace)
        create_titanic(client)
        client.V1Alpha1Endpoint.create_handler("titanic", wait=True)
        assert client.V1Alpha1Endpoint.get("titanic").status.state == "InService"
        config = client.V1Alpha1EndpointConfig.get("titanic")
        models = tuple(replace(variant, instances=2) for variant in config.spec.models)
        client.V1Alpha1EndpointConfig.update(with_spec(config, models=models))
        client.V1Alpha1EndpointConfig.update_handler("titanic")
        assert client.V1Alpha1EndpointConfig.update_handler("titanic", dry_run=True).is_empty
        assert holder(server, client.namespace) == leader


def test_where_the_leader_has_died_the_handler_acts_once_its_lease_has_expired(
    client: MLOpsClient, operator: str, server: SyncClient
) -> None:
    assert operator
    create_titanic(client)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": "dead", "leaseDurationSeconds": 2, "renewTime": now, "acquireTime": now}
    lease = {"metadata": {"name": "mlendpoints-operator"}, "spec": spec}
    path = f"/apis/coordination.k8s.io/v1/namespaces/{client.namespace}/leases"
    server.ask("POST", path, body=lease).raise_for_status()
    assert kinds_of(client.V1Alpha1Endpoint.create_handler("titanic").create) >= {"Deployment"}
    assert holder(server, client.namespace) == ""


def _is_led(server: SyncClient, namespace: str) -> bool:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/mlendpoints-operator"
    return server.ask("GET", path).is_success and holder(server, namespace) != ""


def test_an_mlmodel_has_handlers_of_its_own(client: MLOpsClient, operator: str) -> None:
    assert operator
    spec = MLModelSpec(image="registry.example.com/titanic:1", artifact="http://artifacts.example.com/1.tar.gz")
    client.V1Alpha1MLModel.create(MLModel(metadata=ObjectMeta(name="tree"), spec=spec))
    planned = client.V1Alpha1MLModel.create_handler("tree", dry_run=True)
    assert kinds_of(planned.create) - {"PodMonitor"} == {"PersistentVolumeClaim", "Job", "Service"}
    assert client.V1Alpha1MLModel.create_handler("tree").create == planned.create
    removal = client.V1Alpha1MLModel.delete_handler("tree", dry_run=True)
    assert set(removal.remove) == set(planned.create)


@pytest.fixture
def eve(server: SyncClient, namespace: str, kubeconfig: Path, tmp_path: Path) -> Iterator[MLOpsClient]:
    """Someone who may write models, configs and endpoints, and read what the operator reads, but no more."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    server.ask("POST", path, body={"metadata": {"name": "eve"}}).raise_for_status()
    token = server.ask("POST", f"{path}/eve/token", body={"spec": {}}).json()["status"]["token"]
    user = f"system:serviceaccount:{namespace}:eve"
    grant(server, namespace, user, [MODELS, MARKERS])
    until_known(server.impersonating(user), namespace)
    known = yaml.safe_load(kubeconfig.read_text())
    known["users"] = [{"name": each["name"], "user": {"token": token}} for each in known["users"]]
    own = tmp_path / "kubeconfig"
    own.write_text(yaml.safe_dump(known))
    with MLOpsClient(kubeconfig=own, namespace=namespace) as client:
        yield client


@pytest.mark.parametrize("method", ["create_handler", "update_handler", "delete_handler"])
def test_the_examples_of_handlers_are_right(client: MLOpsClient, operator: str, method: str) -> None:
    assert operator
    client.V1Alpha1Model.create(a_model("rfc"))
    assert failures(KindClient, method, client) == []


def test_an_interrupted_handler_leaves_the_lease_to_others(
    client: MLOpsClient, operator: str, server: SyncClient, kubeconfig: Path
) -> None:
    assert operator
    create_titanic(client)

    async def play() -> None:
        async with AsyncMLOpsClient(kubeconfig=kubeconfig, namespace=client.namespace) as other:
            handling = asyncio.create_task(other.V1Alpha1Endpoint.create_handler("titanic", wait=True))
            await asyncio.to_thread(wait_until, lambda: client.V1Alpha1Model.list(instances=True)[2:], "it has begun")
            handling.cancel()
            with pytest.raises(asyncio.CancelledError, match="Stopped waiting for the dependants of"):
                await handling

    asyncio.run(play())
    assert holder(server, client.namespace) == ""


def test_missing_rights_are_named(
    client: MLOpsClient, operator: str, server: SyncClient, eve: MLOpsClient, namespace: str
) -> None:
    assert operator
    create_titanic(client)
    user = f"system:serviceaccount:{namespace}:eve"
    with pytest.raises(ForbiddenError, match=r"the right to list deployments\.apps in namespace machine-learning"):
        eve.V1Alpha1Endpoint.create_handler("titanic", dry_run=True)
    deployments = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]}
    grant(server, NAMESPACE, user, [deployments, MARKERS])
    until_known(server.impersonating(user), NAMESPACE)
    with pytest.raises(ForbiddenError, match=rf"list virtualservices\.networking\.istio\.io in namespace {namespace}"):
        eve.V1Alpha1Endpoint.create_handler("titanic", dry_run=True)
    server.ask("POST", "/api/v1/namespaces", body={"metadata": {"name": "istio-ingress"}})
    for place in (namespace, "istio-ingress"):
        grant(server, place, f"{user}:reads", [READS])
        bind(server, place, f"{user}:reads", user)
        until_known(server.impersonating(user), place)
    assert kinds_of(eve.V1Alpha1Endpoint.create_handler("titanic", dry_run=True).create) >= {"Deployment"}
    with pytest.raises(ForbiddenError, match=r"permission to impersonate .* the ServiceAccount mlendpoints-operator"):
        eve.V1Alpha1Endpoint.create_handler("titanic")
    assert client.V1Alpha1Model.list(instances=True) == client.V1Alpha1Model.list()


def bind(server: SyncClient, namespace: str, role: str, user: str) -> None:
    group = "rbac.authorization.k8s.io"
    binding = {
        "metadata": {"name": f"{role}:also"},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }
    server.ask("POST", f"/apis/{group}/v1/namespaces/{namespace}/rolebindings", body=binding).raise_for_status()


def test_a_preview_of_new_and_edited_objects_shows_their_end_and_what_they_need(
    client: MLOpsClient, operator: str, server: SyncClient
) -> None:
    assert operator
    create_titanic(client)
    quota = {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "1"}}}
    path = f"/api/v1/namespaces/{client.namespace}/resourcequotas"
    server.ask("POST", path, body=quota).raise_for_status()
    counted = {**quota, "status": {"hard": {"pods": "1"}, "used": {"pods": "0"}}}  # no controller counts here
    server.ask("PUT", f"{path}/small/status", body=counted).raise_for_status()
    config = client.V1Alpha1EndpointConfig.get("titanic")
    models = tuple(replace(variant, instances=3) for variant in config.spec.models)
    found = client.preview(with_spec(config, models=models), a_model("new"))
    assert found.create == (Ref("MachineLearningModel", client.namespace, "new"),)
    assert {change.field for change in found.change} == {f"spec.models[{name}].instances" for name in ("blue", "green")}
    assert kinds_of(found.plan.create) >= {"Deployment", "Service", "MachineLearningModel"}
    (pods, *_) = found.needs
    assert (pods.now, pods.peak, pods.quota, pods.left, pods.fits) == ("0", "6", "small", "1", False)
    assert not found.fits
    assert client.V1Alpha1EndpointConfig.get("titanic") == config
