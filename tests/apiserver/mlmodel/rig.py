"""An operator with its real decisions in a namespace of its own, and what a user does and sees there."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mlendpoints.api.meta import API_VERSION
from mlendpoints.api.policy import OPERATOR
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.kinds import MLMODEL, Kind
from mlendpoints.edge.metrics import Metrics
from mlendpoints.edge.observe.reflector import Timeouts
from tests.apiserver.mlmodel.kubelet import Kubelet, at_work
from tests.kit.client import Client, Object, connected
from tests.kit.running_operator import reads_of, running_operator, writes_of
from tests.kit.waiting import poll_until

_MERGE = "application/merge-patch+json"
_MADE = (kinds.CLAIM, kinds.JOB, kinds.SERVICE, kinds.DEPLOYMENT)


class Rig:
    """One namespace, its kubelet, its operator."""

    def __init__(self, client: Client, namespace: str, *, kubelet: Kubelet, metrics: Metrics) -> None:
        self.client = client
        self.namespace = namespace
        self.kubelet = kubelet
        self.metrics = metrics

    async def create(self, kind: Kind, name: str, spec: Object) -> None:
        manifest = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": name}, "spec": spec}
        await self.client.create(kind.path(self.namespace), manifest)

    async def edit(self, spec: Object, *, kind: Kind = MLMODEL, name: str = "titanic", subresource: str = "") -> None:
        """Merges ``spec`` into the object's."""
        path = kind.path(self.namespace, name, subresource)
        await self.client.ask("PATCH", path, body={"spec": spec}, media=_MERGE)

    async def delete(self, kind: Kind, name: str) -> None:
        options = {"propagationPolicy": "Background"}
        await self.client.ask("DELETE", kind.path(self.namespace, name), body=options)

    async def hold(self, name: str) -> None:
        """Puts somebody's finalizer on an MLModel."""
        await self._finalizers(name, ["example.com/hold"])

    async def release(self, name: str) -> None:
        """Takes it off again."""
        await self._finalizers(name, [])

    async def _finalizers(self, name: str, finalizers: list[str]) -> None:
        body = {"metadata": {"finalizers": finalizers}}
        await self.client.ask("PATCH", MLMODEL.path(self.namespace, name), body=body, media=_MERGE)

    async def get(self, kind: Kind, name: str = "titanic") -> Object:
        found: Object = msgspec.json.decode(await self.client.ask("GET", kind.path(self.namespace, name)))
        return found

    async def names(self, kind: Kind) -> list[str]:
        return sorted(obj["metadata"]["name"] for obj in await self.client.items(kind.path(self.namespace)))

    async def made(self) -> list[str]:
        """All that there is of what an operator makes for an MLModel, and the pods."""
        found = [f"{kind.name}/{name}" for kind in (*_MADE, kinds.POD) for name in await self.names(kind)]
        return sorted(found)

    async def until(self, phase: str, **status: Any) -> Object:  # noqa: ANN401 - any field
        """Waits until the status of the present generation says so; the status at that moment."""

        async def said() -> Object | None:
            model = await self.get(MLMODEL)
            found = model.get("status", {})
            wanted = {"phase": phase, "observedGeneration": model["metadata"]["generation"], **status}
            return found if all(found.get(key) == value for key, value in wanted.items()) else None

        found: Object = await self.eventually(said, f"{phase} {status}", last=lambda: self.get(MLMODEL))
        return found

    async def eventually(
        self, holds: Callable[[], Awaitable[Any]], what: str, *, last: Callable[[], Awaitable[object]] | None = None
    ) -> Any:  # noqa: ANN401 - whatever is waited for
        """Asks again until it holds; what held."""
        return await poll_until(holds, what, last=last or self.made)

    def writes(self) -> Counter[tuple[str, str]]:
        """What the operator has written, but for its lease: (verb, kind)."""
        found = Counter[tuple[str, str]]()
        for (verb, kind, _), count in writes_of(self.metrics).items():
            found[verb, kind] += count
        return found

    def reads(self) -> int:
        """GETs and lists of the operator."""
        return reads_of(self.metrics)


@asynccontextmanager
async def unattended(kubeconfig: Path) -> AsyncIterator[Rig]:
    """A new namespace without an operator."""
    namespace = f"test-{uuid.uuid4().hex[:10]}"
    async with connected(kubeconfig) as client:
        await client.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
        await _until_pods_may_run(client, namespace)
        async with at_work(client, namespace) as kubelet:
            yield Rig(client, namespace, kubelet=kubelet, metrics=Metrics())


@asynccontextmanager
async def operating(
    kubeconfig: Path,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - a frozen value
) -> AsyncIterator[Rig]:
    """A new namespace with an operator at work in it."""
    async with unattended(kubeconfig) as rig:
        api = Api.connect(impersonate=OPERATOR, observer=rig.metrics.request)
        async with running_operator(api, rig.metrics, rig.namespace, timeouts=timeouts):
            yield rig


async def _until_pods_may_run(client: Client, namespace: str) -> None:
    async def may_run() -> bool:
        return bool(await client.ask("GET", f"/api/v1/namespaces/{namespace}/serviceaccounts/default"))

    await poll_until(may_run, "the namespace has its ServiceAccount")


Scenario = Callable[[Rig], Awaitable[None]]


def play(
    kubeconfig: Path,
    monkeypatch: pytest.MonkeyPatch,
    scenario: Scenario,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - a frozen value
) -> None:
    """Plays a scenario in a namespace of its own."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))

    async def played() -> None:
        async with operating(kubeconfig, timeouts) as rig:
            await scenario(rig)

    asyncio.run(played())


def a_spec(**spec: Any) -> Object:  # noqa: ANN401 - any field
    return {"image": "model:1", "artifact": "http://models.example.com/1.tar.gz", **spec}


def an_mlmodel(namespace: str, **spec: Any) -> Object:  # noqa: ANN401 - any field
    metadata = {"name": "titanic", "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": MLMODEL.name, "metadata": metadata, "spec": a_spec(**spec)}
