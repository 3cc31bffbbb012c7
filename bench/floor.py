"""The least that the same outcome can cost: every object written once, and its status once, knowing all beforehand."""

import time
from functools import partial

from msgspec import Struct

from mlendpoints.api import labels
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.kinds import Kind
from tests.kit.client import Client, Object, do_all

_MADE = (
    *(kinds.CONFIG, kinds.MODEL, kinds.VIRTUAL_SERVICE, kinds.GATEWAY, kinds.DESTINATION_RULE),
    *(kinds.SERVICE, kinds.DEPLOYMENT, kinds.CLAIM, kinds.SLICE),
)
_WITH_STATUS = (kinds.ENDPOINT, kinds.CONFIG, kinds.MODEL, kinds.DEPLOYMENT)
_KEPT = ("name", "labels", "annotations", "ownerReferences", "finalizers")
_CONTENT = ("spec", "addressType", "endpoints", "ports")


class Found(Struct, frozen=True):
    """One object as a run has left it."""

    kind: Kind
    object: Object

    @property
    def manifest(self) -> Object:
        """What would create it."""
        metadata = {name: value for name, value in self.object["metadata"].items() if name in _KEPT}
        typed = {"apiVersion": self.kind.api_version, "kind": self.kind.name, "metadata": metadata}
        return typed | self._content

    @property
    def status(self) -> Object:
        """What a controller has written; the API server's own defaults are none."""
        status: Object = self.object.get("status") or {}
        return status if self.kind in _WITH_STATUS else {}

    @property
    def is_child(self) -> bool:
        """Whether the operator has made it."""
        return self.kind not in (kinds.ENDPOINT, kinds.SLICE)

    @property
    def _content(self) -> Object:
        content = {name: self.object[name] for name in _CONTENT if name in self.object}
        if self.kind is kinds.SERVICE and content["spec"]["clusterIP"] != "None":
            content["spec"] = {n: v for n, v in content["spec"].items() if n not in ("clusterIP", "clusterIPs")}
        return content


async def find(client: Client, namespace: str) -> list[Found]:
    """All endpoints of a namespace and all that was made for them."""
    ours = f"labelSelector={labels.MANAGED_BY}%3D{labels.MANAGER}"
    found = [Found(kinds.ENDPOINT, one) for one in await client.items(kinds.ENDPOINT.path(namespace))]
    for kind in _MADE:
        found += [Found(kind, one) for one in await client.items(f"{kind.path(namespace)}?{ours}")]
    return found


async def write(user: Client, operator: Client, namespace: str, found: list[Found]) -> float:
    """Writes them all into another namespace, each as whom policies let write it; seconds."""
    jobs = [partial(_write, operator if one.is_child else user, namespace, one) for one in found]
    begun = time.perf_counter()
    await do_all(jobs)
    return time.perf_counter() - begun


def requests(found: list[Found]) -> int:
    """How many writes that takes."""
    return len(found) + sum(bool(one.status) for one in found)


async def _write(client: Client, namespace: str, one: Found) -> None:
    await client.create(one.kind.path(namespace), one.manifest)
    if one.status:
        await client.set_status(one.kind.path(namespace, one.object["metadata"]["name"]), one.status)
