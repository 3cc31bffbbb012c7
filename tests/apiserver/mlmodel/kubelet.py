"""In place of scheduler, kubelet and volumes: pods are bound, get ready, crash, fetch and go; claims are bound at once.

The controllers of Deployments, Jobs and EndpointSlices are Kubernetes' own. An
image, or an artifact, or a Secret that is not there, decides how its pods fare; ``fix`` makes all of them good.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import msgspec

from mlendpoints.edge.kube import kinds
from tests.kit.client import Client, Object

NODE = "fake"
TERMINATION_MESSAGE = "no such file: model.onnx"
FETCHED = {"bytes": 1_288_490_188, "total": 1_288_490_188, "seconds": 5.9, "bytesPerSecond": 218_387_000}
WRONG_DIGEST = {"reason": "ArtifactDigestMismatch", "message": "http://models.example.com has another digest"}


class Kubelet:
    """The one node of one namespace."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._pods: dict[str, Object] = {}
        self._addresses = count(2)
        self.bad_images: set[str] = set()
        self.bad_artifacts: set[str] = set()
        self.missing_secrets: set[str] = set()
        self.fell_silent = False  # after somebody had answered, nobody did

    async def run(self) -> None:
        """Works until it is cancelled."""
        await self._client.settle("POST", "/api/v1/nodes", body={"metadata": {"name": NODE}})
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_pods())
            group.create_task(self._follow_claims())

    async def fix(self) -> None:
        """From now on every image and every artifact is good, and every Secret there."""
        self.missing_secrets.clear()
        self.bad_images.clear()
        self.bad_artifacts.clear()
        for pod in list(self._pods.values()):
            await self._sync(pod)

    def answering(self) -> set[str]:
        """Versions of the pods that are ready."""
        return {_label(pod, "version") for pod in self._pods.values() if _is_ready(pod) and _is_serving(pod)}

    async def _follow_pods(self) -> None:
        async for event in self._client.follow(kinds.POD.path(self._namespace)):
            pod = msgspec.json.decode(event.object)
            self._take(pod, gone=event.type == "DELETED")
            if event.type != "DELETED":
                await self._sync(pod)

    def _take(self, pod: Object, *, gone: bool) -> None:
        before, name = self.answering(), pod["metadata"]["name"]
        if gone:
            self._pods.pop(name, None)
        else:
            self._pods[name] = pod
        self.fell_silent = self.fell_silent or bool(before and not self.answering())

    async def _follow_claims(self) -> None:
        async for event in self._client.follow(kinds.CLAIM.path(self._namespace)):
            claim = msgspec.json.decode(event.object)
            if event.type != "DELETED" and claim["status"].get("phase") != "Bound":
                path = kinds.CLAIM.path(self._namespace, claim["metadata"]["name"])
                await self._client.set_status(path, {"phase": "Bound"})

    async def _sync(self, pod: Object) -> None:
        path = kinds.POD.path(self._namespace, pod["metadata"]["name"])
        if "deletionTimestamp" in pod["metadata"]:
            await self._client.settle("DELETE", path, body={"gracePeriodSeconds": 0})
        elif not pod["spec"].get("nodeName"):
            binding = {"metadata": {"name": pod["metadata"]["name"]}, "target": {"kind": "Node", "name": NODE}}
            await self._client.settle("POST", f"{path}/binding", body=binding)
        elif pod["status"].get("phase") not in ("Succeeded", "Failed"):
            await self._say(path, pod, self._status(pod))

    async def _say(self, path: str, pod: Object, status: Object) -> None:
        said = pod["status"]
        if said.get("phase") != status["phase"] or _ready(said) != _ready(status):
            await self._client.set_status(path, status)

    def _status(self, pod: Object) -> Object:
        if self.missing_secrets & {volume.get("secret", {}).get("secretName") for volume in pod["spec"]["volumes"]}:
            return _waiting()
        return self._serving(pod) if _is_serving(pod) else self._fetching(pod)

    def _serving(self, pod: Object) -> Object:
        model = next(c for c in pod["spec"]["containers"] if c["name"] == "model")
        if model["image"] in self.bad_images:
            crash = {"exitCode": 3, "reason": "Error", "message": TERMINATION_MESSAGE}
            waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
            container = _container("model") | {"restartCount": 3, "state": waiting, "lastState": {"terminated": crash}}
            return {"phase": "Pending", "conditions": [_condition("False")], "containerStatuses": [container]}
        address = pod["status"].get("podIP") or f"10.9.0.{next(self._addresses)}"
        return {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [_condition("True")],
            "containerStatuses": [_container("model") | {"ready": True}],
        }

    def _fetching(self, pod: Object) -> Object:
        arguments = pod["spec"]["containers"][0]["args"]
        good = arguments[arguments.index("--artifact") + 1] not in self.bad_artifacts
        failed = {"exitCode": 11, "reason": "Error", "message": json.dumps(WRONG_DIGEST)}
        ended = {"exitCode": 0, "reason": "Completed", "message": json.dumps(FETCHED)} if good else failed
        container = _container("model-init") | {"state": {"terminated": ended}}
        return {"phase": "Succeeded" if good else "Failed", "containerStatuses": [container]}


@asynccontextmanager
async def at_work(client: Client, namespace: str) -> AsyncIterator[Kubelet]:
    """A kubelet at work."""
    kubelet = Kubelet(client, namespace)
    task = asyncio.create_task(kubelet.run())
    try:
        yield kubelet
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _container(name: str) -> Object:
    return {"name": name, "ready": False, "restartCount": 0, "image": "localhost/none", "imageID": ""}


def _waiting() -> Object:
    """Of a pod whose volumes cannot be mounted, as the kubelet of Kubernetes 1.29 and later tells it."""
    conditions = {"PodScheduled": "True", "PodReadyToStartContainers": "False", "Ready": "False"}
    container = _container("model-init") | {"state": {"waiting": {"reason": "ContainerCreating"}}}
    told = [{"type": name, "status": status} for name, status in conditions.items()]
    return {"phase": "Pending", "conditions": told, "containerStatuses": [container]}


def _condition(status: str) -> Object:
    return {"type": "Ready", "status": status}


def _ready(status: Object) -> str:
    return next((str(c["status"]) for c in status.get("conditions", []) if c["type"] == "Ready"), "")


def _is_ready(pod: Object) -> bool:
    return _ready(pod["status"]) == "True" and "deletionTimestamp" not in pod["metadata"]


def _is_serving(pod: Object) -> bool:
    return any(container["name"] == "model" for container in pod["spec"]["containers"])


def _label(pod: Object, name: str) -> str:
    return str(pod["metadata"]["labels"].get(name, ""))
