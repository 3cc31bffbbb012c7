"""What stands beside the endpoint: the gateway's pods, and the operator that is installed in the cluster."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from mlendpoints.edge.kube.kinds import DEPLOYMENT, POD, SERVICE
from tests.kit.client import Client, Object
from tests.kit.installed_operator import NAME, NAMESPACE, serves
from tests.kit.waiting import poll_until

_MERGE = "application/merge-patch+json"


async def replace_one_pod(client: Client, service: str) -> None:
    """Deletes one of a Service's pods; waits until it is gone and as many as before are ready."""
    namespace, _, name = service.partition("/")
    found = msgspec.json.decode(await client.ask("GET", SERVICE.path(namespace, name)))
    selector = ",".join(f"{key}%3D{value}" for key, value in found["spec"]["selector"].items())
    path = f"{POD.path(namespace)}?labelSelector={selector}"
    before = await client.items(path)
    left = before[0]["metadata"]
    await client.ask("DELETE", POD.path(namespace, left["name"]))

    async def is_replaced() -> bool:
        now = await client.items(path)
        uids = {pod["metadata"]["uid"] for pod in now}
        return left["uid"] not in uids and len(now) == len(before) and all(map(_is_ready, now))

    await poll_until(is_replaced, f"a pod of {service} is replaced")


@asynccontextmanager
async def others_at_rest(client: Client, namespace: str) -> AsyncIterator[None]:
    """Sees to it that no installed operator serves ``namespace``; afterwards it is as before."""
    path = DEPLOYMENT.path(NAMESPACE, NAME)
    installed = [one for one in await client.items(DEPLOYMENT.path(NAMESPACE)) if one["metadata"]["name"] == NAME]
    replicas = [one["spec"]["replicas"] for one in installed if serves(one, namespace)]
    if not any(replicas):
        yield
        return
    await _scale(client, path, 0)
    try:
        await poll_until(lambda: _has_no_pods(client, path), "the installed operator rests")
        yield
    finally:
        await _scale(client, path, replicas[0])


async def _scale(client: Client, path: str, replicas: int) -> None:
    await client.ask("PATCH", path, body={"spec": {"replicas": replicas}}, media=_MERGE)


async def _has_no_pods(client: Client, path: str) -> bool:
    deployment = msgspec.json.decode(await client.ask("GET", path))
    pods = await client.items(POD.path(NAMESPACE))
    return not deployment["status"].get("replicas") and not any(p["metadata"]["name"].startswith(NAME) for p in pods)


def _is_ready(pod: Object) -> bool:
    conditions = pod["status"].get("conditions", ())
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
