"""Objects of each kind on the real API server: what is written, what is reported when it cannot be."""

import asyncio
import itertools
from pathlib import Path

import msgspec
import pytest

from mlendpoints.client import (
    AlreadyExistsError,
    AsyncMLOpsClient,
    ConflictError,
    FailedError,
    ForbiddenError,
    InvalidError,
    MLModel,
    MLModelSpec,
    MLOpsClient,
    NotFoundError,
    NotInstalledError,
    ObjectMeta,
    WaitTimeoutError,
    with_spec,
)
from mlendpoints.edge.kube.session import open_session
from tests.apiserver.api.conftest import MARKERS, MODELS, grant, until_known
from tests.apiserver.client.conftest import Report, a_model, create_titanic
from tests.kit.sync_client import Object, SyncClient, address

MODEL: Object = {"metadata": {"name": "rfc"}}


def test_what_is_created_is_read_listed_updated_and_deleted(client: MLOpsClient) -> None:
    created = client.V1Alpha1Model.create(a_model("rfc", port=9000))
    assert client.V1Alpha1Model.get("rfc") == created
    updated = client.V1Alpha1Model.update(with_spec(created, port=8080))
    assert (updated.metadata.generation, updated.spec.port) == (2, 8080)
    assert client.V1Alpha1Model.list() == (updated,)
    client.V1Alpha1Model.delete("rfc", wait=True)
    assert client.V1Alpha1Model.list() == ()


def test_a_client_lives_as_long_as_a_part_of_it_is_used(kubeconfig: Path, client: MLOpsClient) -> None:
    client.V1Alpha1Model.create(a_model())
    models = MLOpsClient(kubeconfig=kubeconfig, namespace=client.namespace).V1Alpha1Model
    assert models.get("rfc").metadata.name == "rfc"


def test_a_dry_run_writes_nothing(client: MLOpsClient) -> None:
    assert client.V1Alpha1Model.create(a_model(), dry_run=True).metadata.name == "rfc"
    assert client.V1Alpha1Model.list() == ()


def test_edits_are_those_of_a_field_manager_of_the_clients_own(client: MLOpsClient, server: SyncClient) -> None:
    client.V1Alpha1Model.create(a_model())
    obj = server.read(address("mlm", {"metadata": {"name": "rfc", "namespace": client.namespace}}))
    assert {entry["manager"] for entry in obj["metadata"]["managedFields"]} == {"mlendpoints-client"}


def test_fields_that_others_have_set_stay(client: MLOpsClient, server: SyncClient) -> None:
    model = client.V1Alpha1Model.create(a_model())
    obj: Object = {"metadata": {"name": "rfc", "namespace": client.namespace}}
    server.merge("mlm", obj, {"metadata": {"annotations": {"team": "ml"}}})
    unversioned = msgspec.structs.replace(model.metadata, resource_version="", annotations={"team": "ml"})
    client.V1Alpha1Model.update(with_spec(msgspec.structs.replace(model, metadata=unversioned), port=9000))
    assert server.read(address("mlm", obj))["metadata"]["annotations"] == {"team": "ml"}


def test_an_object_that_others_have_changed_is_a_conflict(client: MLOpsClient) -> None:
    first = client.V1Alpha1Model.create(a_model())
    client.V1Alpha1Model.update(with_spec(first, port=9000))
    with pytest.raises(ConflictError, match="Get it again"):
        client.V1Alpha1Model.update(with_spec(first, port=9001))


def test_an_existing_name_is_reported(client: MLOpsClient) -> None:
    client.V1Alpha1Model.create(a_model())
    with pytest.raises(AlreadyExistsError):
        client.V1Alpha1Model.create(a_model())


def test_an_unknown_name_is_reported_with_the_nearest(client: MLOpsClient) -> None:
    client.V1Alpha1Model.create(a_model("titanic-rfc"))
    with pytest.raises(NotFoundError, match=r"Did you mean titanic-rfc\?") as caught:
        client.V1Alpha1Model.get("titanic-rcf")
    assert caught.value.nearest == ("titanic-rfc",)


def test_a_namespace_that_does_not_exist_is_reported(kubeconfig: Path, server: SyncClient) -> None:
    assert server
    with (
        MLOpsClient(kubeconfig=kubeconfig, namespace="nowhere") as client,
        pytest.raises(NotFoundError, match="Namespace"),
    ):
        client.V1Alpha1Model.create(a_model())


def test_a_value_that_a_rule_rejects_is_reported_with_its_field(client: MLOpsClient) -> None:
    with pytest.raises(InvalidError) as caught:
        client.V1Alpha1Model.create(a_model(runAsUser=0))
    assert caught.value.fields
    assert all(field.startswith("spec") for field in caught.value.fields)


def test_a_name_is_required(client: MLOpsClient) -> None:
    with pytest.raises(InvalidError, match="name"):
        client.V1Alpha1Model.get("")


def test_a_user_without_permission_is_told_whom_to_ask(server: SyncClient, namespace: str, kubeconfig: Path) -> None:
    grant(server, namespace, "eve@example.com", [MODELS, MARKERS])  # and nothing elsewhere
    until_known(server.impersonating("eve@example.com"), namespace)

    async def play() -> None:
        async with AsyncMLOpsClient(kubeconfig=kubeconfig, namespace="default") as eve:
            connection = eve._connection  # noqa: SLF001 - the client itself impersonates nobody
            connection._session = open_session(connection.config, impersonate="eve@example.com")  # noqa: SLF001
            await eve.V1Alpha1Model.list(namespace=namespace)
            with pytest.raises(ForbiddenError, match=r"eve@example.com.*cannot list.*Ask an administrator"):
                await eve.V1Alpha1Model.list()

    asyncio.run(play())


def test_a_kind_that_is_not_installed_is_reported(client: MLOpsClient, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = msgspec.structs.replace(client.V1Alpha1Model._source._kind, plural="machinelearningtoys")  # noqa: SLF001
    monkeypatch.setattr(client.V1Alpha1Model._source, "_kind", kind)  # noqa: SLF001
    for call in (lambda: client.V1Alpha1Model.get("x"), client.V1Alpha1Model.list):
        with pytest.raises(NotInstalledError, match="Install mlendpoints"):
            call()


def test_a_watch_reports_what_exists_and_then_each_change(client: MLOpsClient) -> None:
    model = client.V1Alpha1Model.create(a_model())
    changes = client.V1Alpha1Model.watch()
    seen = [next(changes)]
    client.V1Alpha1Model.update(with_spec(model, port=9000))
    seen += [next(changes)]
    client.V1Alpha1Model.delete("rfc")
    seen += itertools.islice(changes, 1)
    assert [change.type for change in seen] == ["ADDED", "MODIFIED", "DELETED"]
    assert [change.object.spec.port for change in seen] == [8080, 9000, 9000]


def test_instances_are_listed_only_on_request(client: MLOpsClient, server: SyncClient, namespace: str) -> None:
    assert server
    client.V1Alpha1Model.create(a_model())
    assert len(client.V1Alpha1Model.list(instances=True)) == 1
    assert "rfc" in [
        m.metadata.name for m in client.V1Alpha1Model.list(namespace="*") if m.metadata.namespace == namespace
    ]


async def outcome(client: AsyncMLOpsClient, report: Report, *, fails: bool) -> str:
    """Waits while the operator reports; what has come of it."""
    endpoint = await client.V1Alpha1Endpoint.get("titanic")
    waiting = asyncio.create_task(client.V1Alpha1Endpoint.wait("titanic"))
    starting = {"Ready": ("Unknown", "ModelsReady: blue: 0 of 1 pods."), "UpdateSucceeded": ("Unknown", "Rolling out.")}
    await asyncio.to_thread(report, endpoint, conditions=starting)
    ended = {"UpdateSucceeded": ("False", "blue: no such image.")} if fails else {"Ready": ("True", "It is.")}
    await asyncio.to_thread(report, endpoint, conditions=starting | ended)
    try:
        return (await waiting).metadata.name
    except FailedError as error:
        return str(error)


@pytest.mark.parametrize("fails", [False, True])
def test_a_wait_ends_with_the_goal_or_with_a_failure(
    client: MLOpsClient, kubeconfig: Path, report: Report, namespace: str, *, fails: bool
) -> None:
    create_titanic(client)

    async def play() -> str:
        async with AsyncMLOpsClient(kubeconfig=kubeconfig, namespace=namespace) as same:
            return await outcome(same, report, fails=fails)

    failure = f"MachineLearningEndpoint {namespace}/titanic: blue: no such image."
    assert asyncio.run(play()) == (failure if fails else "titanic")


def test_a_failure_from_before_does_not_end_a_wait(client: MLOpsClient, report: Report) -> None:
    report(create_titanic(client), conditions={"UpdateSucceeded": ("False", "blue: no such image.")})
    with pytest.raises(WaitTimeoutError, match="It continues in the cluster"):
        client.V1Alpha1Endpoint.wait("titanic", timeout=0.1)


def test_an_mlmodel_is_waited_for_by_its_phase(client: MLOpsClient, report: Report) -> None:
    spec = MLModelSpec(image="registry.example.com/titanic:1")
    model = client.V1Alpha1MLModel.create(MLModel(metadata=ObjectMeta(name="titanic"), spec=spec))
    report(model, phase="Ready")
    assert client.V1Alpha1MLModel.wait("titanic", "phase=Ready").status.phase == "Ready"


def test_an_object_that_is_deleted_during_a_wait_ends_it(client: MLOpsClient, kubeconfig: Path, namespace: str) -> None:
    client.V1Alpha1Model.create(a_model())

    async def play() -> None:
        async with AsyncMLOpsClient(kubeconfig=kubeconfig, namespace=namespace) as same:
            waiting = asyncio.create_task(same.V1Alpha1Model.wait("rfc"))
            await same.V1Alpha1Model.delete("rfc")
            with pytest.raises(NotFoundError):
                await waiting

    asyncio.run(play())
