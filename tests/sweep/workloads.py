"""In place of kubelet, Deployment and EndpointSlice controllers: pods that come, get ready, crash and go.

Level-triggered, one key for each model instance: looks at the Deployment, the
Service, the slice and the pods that stand, and writes what is missing. An
image decides how its pods behave; ``behave`` changes that while they run.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum

from mlendpoints.api import labels
from mlendpoints.edge.kube import kinds
from tests.kit.client import Client, Object, RequestError
from tests.kit.fake_workloads import make_address, make_slice, make_status
from tests.sweep.store import Change, Record, Store

_AGAIN = 0.05  # seconds after which a refused write is tried again
_AT_ONCE = 16  # instances
_KINDS = frozenset({kinds.DEPLOYMENT.name, kinds.SERVICE.name, kinds.SLICE.name, kinds.POD.name})
TERMINATION_MESSAGE = "no such file: model.onnx"

Key = tuple[str, str]  # namespace, model instance


class Behaviour(Enum):
    """What pods of an image do."""

    READY = "ready"
    STARTING = "starting"
    CRASHING = "crashing"


class Workloads:
    """All model instances of all recorded namespaces."""

    def __init__(self, client: Client, *, start: float = 0.0) -> None:
        self._client = client
        self._start = start  # seconds from a pod's creation to its readiness
        self._records: dict[str, Record] = {}
        self._behaviours: dict[Key, Behaviour] = {}
        self._dirty: set[Key] = set()
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    def behave(self, record: Record, image: str, behaviour: Behaviour) -> None:
        """From now on, pods of this image in this namespace do so."""
        self._records[record.namespace] = record
        self._behaviours[(record.namespace, image)] = behaviour
        for deployment in record.of(kinds.DEPLOYMENT):
            self._wake((record.namespace, deployment["metadata"]["name"]))

    def forget(self, namespace: str) -> None:
        """Nothing more is done in this namespace."""
        self._records.pop(namespace, None)

    def rests(self, namespace: str) -> bool:
        """Whether all is done in this namespace that follows from what was seen."""
        return all(key[0] != namespace for key in self._tasks)

    def take(self, record: Record, change: Change) -> None:
        """Hears of a change."""
        instance = change.object["metadata"].get("labels", {}).get(labels.INSTANCE)
        if change.ref.kind in _KINDS and instance:
            self._records[record.namespace] = record
            self._wake((record.namespace, instance))

    async def close(self) -> None:
        """Ends what is at work."""
        self._records.clear()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _wake(self, key: Key) -> None:
        self._dirty.add(key)
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._work(key))

    async def _work(self, key: Key) -> None:
        try:
            while key in self._dirty and key[0] in self._records:
                self._dirty.discard(key)
                try:
                    async with self._at_once:
                        await self._sync(self._records[key[0]], key[1])
                except RequestError:  # somebody was faster, or the namespace has no ServiceAccount yet
                    self._dirty.add(key)
                    await asyncio.sleep(_AGAIN)
        finally:
            del self._tasks[key]

    async def _sync(self, record: Record, name: str) -> None:
        deployment = record.get(kinds.DEPLOYMENT, name)
        wanted = _replicas(deployment)
        behaviour = self._behaviour(record, deployment)
        ready = wanted if behaviour is Behaviour.READY else 0
        pods = {pod["metadata"]["name"] for pod in record.of(kinds.POD) if _instance(pod) == name}
        names = [f"{name}-{number}" for number in range(wanted)]
        await self._slice(record, name, names[: min(ready, len(pods))])
        for leaving in sorted(pods - set(names)):
            await self._client.settle(
                "DELETE", kinds.POD.path(record.namespace, leaving), body={"gracePeriodSeconds": 0}
            )
        if deployment is not None:
            for coming in names:
                if coming not in pods:
                    await self._create_pod(record, deployment, coming, behaviour)
                    await asyncio.sleep(self._start)
            await self._slice(record, name, names[:ready])
            await self._status(record, deployment, ready)

    def _behaviour(self, record: Record, deployment: Object | None) -> Behaviour:
        image = _image(deployment) if deployment else ""
        return self._behaviours.get((record.namespace, image), Behaviour.READY)

    async def _create_pod(self, record: Record, deployment: Object, name: str, behaviour: Behaviour) -> None:
        metadata = {"name": name, "labels": deployment["spec"]["template"]["metadata"]["labels"]}
        await self._client.settle("POST", kinds.POD.path(record.namespace), body={"metadata": metadata, "spec": _POD})
        if behaviour is Behaviour.CRASHING:
            await self._client.set_status(kinds.POD.path(record.namespace, name), _CRASHED)

    async def _slice(self, record: Record, name: str, ready: list[str]) -> None:
        service, standing = record.get(kinds.SERVICE, name), record.get(kinds.SLICE, name)
        wanted = [make_address(pod) for pod in ready]
        if standing is not None and standing["endpoints"] != wanted:
            merge = "application/merge-patch+json"
            path = kinds.SLICE.path(record.namespace, name)
            await self._client.ask("PATCH", path, body={"endpoints": wanted}, media=merge)
        elif standing is None and service is not None and ready:
            await self._client.settle("POST", kinds.SLICE.path(record.namespace), body=_owned_slice(service, wanted))

    async def _status(self, record: Record, deployment: Object, ready: int) -> None:
        metadata, replicas = deployment["metadata"], _replicas(deployment)
        wanted = make_status(metadata["generation"], replicas, ready)
        said = deployment.get("status", {})
        if any(said.get(name, 0) != value for name, value in wanted.items()):
            await self._client.set_status(kinds.DEPLOYMENT.path(record.namespace, metadata["name"]), wanted)


@asynccontextmanager
async def working(client: Client, store: Store, *, start: float = 0.0) -> AsyncIterator[Workloads]:
    """Workloads that follow a store; ``start``: seconds that a pod takes to be ready."""
    workloads = Workloads(client, start=start)
    store.listen(workloads.take)
    try:
        yield workloads
    finally:
        await workloads.close()


_POD: Object = {
    "containers": [{"name": "model", "image": "localhost/none"}],
    "terminationGracePeriodSeconds": 0,
    "automountServiceAccountToken": False,
}
_CRASHED: Object = {
    "phase": "Running",
    "containerStatuses": [
        {
            "name": "model",
            "ready": False,
            "restartCount": 3,
            "image": "localhost/none",
            "imageID": "",
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
            "lastState": {"terminated": {"exitCode": 3, "reason": "Error", "message": TERMINATION_MESSAGE}},
        }
    ],
}


def _replicas(deployment: Object | None) -> int:
    if deployment is None or "deletionTimestamp" in deployment["metadata"]:
        return 0
    return int(deployment["spec"]["replicas"])


def _image(deployment: Object) -> str:
    pod = deployment["spec"]["template"]["spec"]
    return str(next(container["image"] for container in pod["containers"] if container["name"] == "model"))


def _instance(obj: Object) -> str:
    return str(obj["metadata"].get("labels", {}).get(labels.INSTANCE, ""))


def _owned_slice(service: Object, addresses: list[Object]) -> Object:
    """It goes with its Service."""
    metadata = service["metadata"]
    owner = {"apiVersion": "v1", "kind": "Service", "name": metadata["name"], "uid": metadata["uid"]}
    manifest = make_slice(metadata["name"], metadata["labels"], addresses)
    manifest["metadata"]["ownerReferences"] = [owner]
    return manifest
