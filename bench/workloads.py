"""In place of kubelet and kube-controller-manager: every Deployment is ready as soon as it is seen.

Two writes for each: the Deployment's status, and an EndpointSlice of its
Service. There are no pods, and no Deployment ever scales.
"""

import asyncio

import msgspec
from msgspec import Struct

from bench.client import Client, Object
from mlendpoints.edge import kinds
from mlendpoints.edge.kinds import SLICE_SERVICE


class _Metadata(Struct, frozen=True):
    name: str
    uid: str
    labels: dict[str, str]
    generation: int = 1


class _Spec(Struct, frozen=True):
    replicas: int


class Deployment(Struct, frozen=True):
    """The part of a Deployment that its readiness depends on."""

    metadata: _Metadata
    spec: _Spec


async def make_ready(client: Client, namespace: str) -> None:
    """Makes the Deployments of one namespace ready, until it is cancelled."""
    seen = set[str]()
    async with asyncio.TaskGroup() as group:
        async for event in client.follow(kinds.DEPLOYMENT.path(namespace)):
            deployment = msgspec.json.decode(event.object, type=Deployment)
            if deployment.metadata.uid not in seen:
                seen.add(deployment.metadata.uid)
                group.create_task(_make_ready(client, namespace, deployment))


async def _make_ready(client: Client, namespace: str, deployment: Deployment) -> None:
    await client.create(kinds.SLICE.path(namespace), make_slice(deployment))
    await client.set_status(kinds.DEPLOYMENT.path(namespace, deployment.metadata.name), make_status(deployment))


def make_slice(deployment: Deployment) -> Object:
    """One ready address for each pod, with the labels that a slice takes over from its Service."""
    name, pods = deployment.metadata.name, range(deployment.spec.replicas)
    addresses = [
        {
            "addresses": ["10.0.0.1"],
            "conditions": {"ready": True},
            "targetRef": {"kind": "Pod", "name": f"{name}-{pod}"},
        }
        for pod in pods
    ]
    return {
        "metadata": {"name": name, "labels": {**deployment.metadata.labels, SLICE_SERVICE: name}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8088, "protocol": "TCP"}],
        "endpoints": addresses,
    }


def make_status(deployment: Deployment) -> Object:
    """All pods are of the newest template and ready."""
    counts = dict.fromkeys(
        ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), deployment.spec.replicas
    )
    return {"observedGeneration": deployment.metadata.generation, **counts}
