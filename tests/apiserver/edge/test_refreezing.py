"""What an earlier operator has frozen is frozen again, as the operator's own user, while no Deployment stands."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from mlendpoints.api import labels
from mlendpoints.api.model import Model
from mlendpoints.api.policy import OPERATOR
from mlendpoints.core.manifests.deployment import make_deployment
from mlendpoints.core.plan import Create, Refreeze
from mlendpoints.core.world import Child, Ref
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.errors import ConflictError
from mlendpoints.edge.kube.kinds import DEPLOYMENT
from mlendpoints.edge.metrics import Metrics
from mlendpoints.edge.observe.projections import Instance, decode
from mlendpoints.edge.reconcile.writes import Writer
from tests.apiserver.api.conftest import may_do_everything
from tests.apiserver.api.objects import an_instance
from tests.apiserver.edge.objects import Object, read
from tests.kit.sync_client import SyncClient

Scenario = Callable[[Api, Writer, Model], Awaitable[None]]
Play = Callable[[Scenario], None]
NAME = "titanic-3f9c2ab1"
AGAIN: Object = {"builder": "99", "images": {"nginx": "nginx:99"}, "drainSeconds": None}


@pytest.fixture
def play(server: SyncClient, kubeconfig: Path, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Plays with an instance that an earlier operator has written, and without its Deployment."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    may_do_everything(server, OPERATOR)
    spec = {"instance": {"drainSeconds": 3}}
    written = server.impersonating(OPERATOR).create("mlm", an_instance("mlm", namespace, name=NAME, spec=spec))
    instance = msgspec.json.decode(written.raise_for_status().content, type=Model)

    async def played(scenario: Scenario) -> None:
        api = Api.connect(impersonate=OPERATOR, observer=Metrics().request)
        try:
            await scenario(api, Writer(api, may_write=lambda: True), instance)
        finally:
            await api.close()

    return lambda scenario: asyncio.run(played(scenario))


async def refreeze(api: Api, writer: Writer, instance: Model) -> Object:
    """What is frozen of the instance then."""
    ref = Ref(Model.KIND, instance.metadata.namespace, NAME)
    await writer.write(Refreeze(await seen(api, ref), AGAIN, Ref("Deployment", ref.namespace, NAME)))
    return await frozen(api, ref.namespace)


async def seen(api: Api, ref: Ref) -> Child:
    facts = decode(ref.kind, await api.get(ref)).facts
    assert isinstance(facts, Instance)
    return facts.child


async def frozen(api: Api, namespace: str) -> Object:
    found: Object = (await read(api, Ref(Model.KIND, namespace, NAME)))["spec"]["instance"]
    return found


async def deploy(writer: Writer, instance: Model) -> Ref:
    manifest = make_deployment(instance, replicas=0)
    ref = Ref("Deployment", instance.metadata.namespace, NAME)
    await writer.write(Create(ref, manifest))
    return ref


def test_what_is_frozen_is_frozen_again_without_a_deployment(play: Play) -> None:
    async def scenario(api: Api, writer: Writer, instance: Model) -> None:
        before = await frozen(api, instance.metadata.namespace)
        after = await refreeze(api, writer, instance)
        images = before["images"] | {"nginx": "nginx:99"}
        assert after == before | {"builder": "99", "images": images, "drainSeconds": 15}

    play(scenario)


def test_no_instance_is_touched_whose_deployment_stands(play: Play) -> None:
    async def scenario(api: Api, writer: Writer, instance: Model) -> None:
        await deploy(writer, instance)
        before = await frozen(api, instance.metadata.namespace)
        with pytest.raises(ConflictError, match="already exists"):
            await refreeze(api, writer, instance)
        assert await frozen(api, instance.metadata.namespace) == before

    play(scenario)


@pytest.mark.parametrize("write", ["refreeze", "create"])
def test_a_deployment_that_no_watch_shows_gets_its_label_back_and_keeps_its_template(
    write: str, play: Play, server: SyncClient
) -> None:
    async def scenario(api: Api, writer: Writer, instance: Model) -> None:
        ref = await deploy(writer, instance)
        edit = {"metadata": {"labels": {labels.MANAGED_BY: None}}, "spec": {"minReadySeconds": 7}}
        path, merge = DEPLOYMENT.path(ref.namespace, NAME), {"Content-Type": "application/merge-patch+json"}
        server.ask("PATCH", path, body=edit, headers=merge).raise_for_status()
        before = await read(api, ref)
        if write == "refreeze":
            with pytest.raises(ConflictError):
                await refreeze(api, writer, instance)
        else:
            await deploy(writer, instance)
        after = await read(api, ref)
        assert after["metadata"]["labels"] == before["metadata"]["labels"] | {labels.MANAGED_BY: labels.MANAGER}
        assert after["spec"] == before["spec"]

    play(scenario)
