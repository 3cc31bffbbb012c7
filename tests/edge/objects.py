"""Kubernetes objects as the API server sends them, and a cache filled with them."""

import json
from typing import Any

from mlendpoints.api import labels
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.observe.projections import Entry, decode
from tests.kit.builders import some_settings

Object = dict[str, Any]
NAMESPACE = "titanic"


def an_object(
    name: str,
    *,
    owner: str = "",
    label: dict[str, str] | None = None,
    metadata: Object | None = None,
    **parts: Object | list[Object],
) -> Object:
    """A namespaced object of ours; ``owner`` is the uid of its controller."""
    owners = [{"apiVersion": "v1", "kind": "Any", "name": "any", "uid": owner, "controller": True}] if owner else []
    usual = {
        "namespace": NAMESPACE,
        "name": name,
        "uid": f"uid-{name}",
        "resourceVersion": "1",
        "labels": {labels.MANAGED_BY: labels.MANAGER, **(label or {})},
        "ownerReferences": owners,
    }
    return {"metadata": {**usual, **(metadata or {})}, **parts}


def an_endpoint(name: str = "ep", *, config: str = "cfg", host: str = "ep.example.com", **meta: object) -> Object:
    return an_object(name, metadata=dict(meta), spec={"config": config, "host": host})


def a_config(name: str = "cfg", *models: str) -> Object:
    variants = [{"name": f"v{number}", "model": model} for number, model in enumerate(models)]
    return an_object(name, spec={"models": variants})


def a_model(name: str = "rfc") -> Object:
    return an_object(name, spec={"image": "model:1"})


def a_model_instance(name: str = "rfc-1", *, owner: str = "uid-ep", replicas: int = 2) -> Object:
    instance = {"endpoint": "ep", "config": "cfg", "variant": "v0", "model": "rfc", "version": "1"}
    made_of = {"images": {"modelInit": "i", "nginx": "n"}, "cpus": "1", "memory": "1Gi", "size": "1Gi"}
    return an_object(name, owner=owner, spec={"image": "model:1", "replicas": replicas, "instance": instance | made_of})


def an_mlmodel(name: str = "mlm", **spec: object) -> Object:
    return an_object(name, spec={"image": "model:1", **spec})


def a_pod(
    name: str, *, instance: str = "rfc-1", status: Object | None = None, volumes: tuple[Object, ...] = ()
) -> Object:
    return an_object(name, label={labels.INSTANCE: instance}, spec={"volumes": [*volumes]}, status=status or {})


def a_slice(name: str, *, service: str = "rfc-1", pods: dict[str, bool] | None = None) -> Object:
    endpoints = [
        {"addresses": [f"10.0.0.{n}"], "conditions": {"ready": ready}, "targetRef": {"name": pod}}
        for n, (pod, ready) in enumerate((pods or {}).items())
    ]
    return an_object(name, label={"kubernetes.io/service-name": service}, endpoints=endpoints)


def an_entry(kind: str, obj: Object) -> Entry:
    return decode(kind, json.dumps(obj).encode())


def filled(*objects: tuple[str, Object]) -> Cache:
    cache = Cache(some_settings(), clock=lambda: 0.0)
    for kind, obj in objects:
        cache.put(an_entry(kind, obj))
    return cache
