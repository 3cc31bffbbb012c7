"""In place of kubelet and kube-controller-manager: every Deployment is ready as soon as it is seen.

Two writes for each: the Deployment's status, and an EndpointSlice of its
Service. There are no pods, and no Deployment ever scales.
"""

import asyncio
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.kinds import SLICE_SERVICE
from tests.kit.client import Client, Object


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
    metadata, replicas = deployment.metadata, deployment.spec.replicas
    addresses = [make_address(f"{metadata.name}-{pod}") for pod in range(replicas)]
    await client.create(kinds.SLICE.path(namespace), make_slice(metadata.name, metadata.labels, addresses))
    status = make_status(metadata.generation, replicas, replicas)
    await client.set_status(kinds.DEPLOYMENT.path(namespace, metadata.name), status)


def make_address(pod: str) -> Object:
    """A ready pod's entry in an EndpointSlice."""
    return {
        "addresses": ["10.0.0.1"],
        "conditions": {"ready": True},
        "targetRef": {"kind": "Pod", "name": pod},
    }


def make_slice(name: str, labels: Mapping[str, str], addresses: list[Object]) -> Object:
    """The one slice of a Service, with the labels that it takes over from it."""
    return {
        "metadata": {"name": name, "labels": {**labels, SLICE_SERVICE: name}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8088, "protocol": "TCP"}],
        "endpoints": addresses,
    }


def make_status(generation: int, replicas: int, ready: int) -> Object:
    """A Deployment's status: all pods are of the newest template."""
    counts = {"replicas": replicas, "updatedReplicas": replicas, "readyReplicas": ready, "availableReplicas": ready}
    return {"observedGeneration": generation, **counts}
