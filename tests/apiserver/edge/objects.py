"""Manifests that a real API server takes, and what it has made of them."""

import json
from typing import Any

from mlendpoints.api import labels
from mlendpoints.api.meta import API_VERSION
from mlendpoints.core.world import Child, Ref
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.kinds import KINDS
from mlendpoints.edge.observe.projections import decode
from tests.kit.sync_client import SyncClient

Object = dict[str, Any]


def a_service(namespace: str, name: str = "s", *, owner: Object | None = None, **spec: object) -> Object:
    ports = [{"name": "http", "port": 80}]
    metadata: Object = {"namespace": namespace, "name": name, "labels": {labels.MANAGED_BY: labels.MANAGER}}
    if owner:
        metadata["ownerReferences"] = [controlled_by(owner)]
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports, **spec}}


def controlled_by(owner: Object) -> Object:
    meta = owner["metadata"]
    return {
        "apiVersion": API_VERSION,
        "kind": owner["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }


def an_endpoint(namespace: str, name: str = "ep") -> Object:
    spec = {"config": "cfg", "host": f"{name}.{namespace}.example.com"}
    return of_ours("MachineLearningEndpoint", namespace, name, spec)


def a_model(namespace: str, name: str = "rfc") -> Object:
    return of_ours("MachineLearningModel", namespace, name, {"image": "model:1"})


def of_ours(kind: str, namespace: str, name: str, spec: Object) -> Object:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"namespace": namespace, "name": name}, "spec": spec}


def ref_of(manifest: Object) -> Ref:
    return Ref(manifest["kind"], manifest["metadata"]["namespace"], manifest["metadata"]["name"])


async def read(api: Api, ref: Ref) -> Object:
    obj: Object = json.loads(await api.get(ref))
    return obj


async def created(api: Api, manifest: Object) -> Object:
    """Creates an object and reads it back."""
    await api.create(KINDS[manifest["kind"]], manifest)
    return await read(api, ref_of(manifest))


async def observed(api: Api, ref: Ref) -> Child:
    """The projection of the object as it is now."""
    facts = decode(ref.kind, await api.get(ref)).facts
    assert isinstance(facts, Child)
    return facts


async def deleted(api: Api, ref: Ref) -> None:
    """Deletes the object as it is now."""
    meta = (await read(api, ref))["metadata"]
    await api.delete(Child(ref=ref, uid=meta["uid"], resource_version=meta["resourceVersion"]))


def allow_no_services(server: SyncClient, namespace: str) -> str:
    """A quota that leaves no room for a Service; its path. Admission learns of it by a watch of its own."""
    path = f"/api/v1/namespaces/{namespace}/resourcequotas"
    quota = {"metadata": {"name": "small"}, "spec": {"hard": {"services": "0"}}}
    server.ask("POST", path, body=quota).raise_for_status()
    counted = {**quota, "status": {"hard": {"services": "0"}, "used": {"services": "0"}}}  # no controller counts here
    server.ask("PUT", f"{path}/small/status", body=counted).raise_for_status()
    return f"{path}/small"
