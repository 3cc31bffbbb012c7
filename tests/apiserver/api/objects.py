"""Smallest good objects of each kind, and small changes to them."""

from typing import Any

from mlendpoints.api import labels
from mlendpoints.api.meta import API_VERSION
from tests.kit.sync_client import Object

IMAGES = {"modelInit": "localhost/mlendpoints/model-init:dev", "nginx": "localhost/mlendpoints/nginx:dev"}
SPECS: dict[str, Object] = {
    "mlm": {"image": "registry.example.com/titanic:1.4"},
    "mlec": {"models": [{"name": "blue", "model": "titanic-rfc"}]},
    "mle": {"config": "titanic", "host": "titanic.example.com"},
    "mlmodel": {"image": "registry.example.com/titanic:1.4"},
}
INSTANCES: dict[str, Object] = {
    "mlm": {
        "endpoint": "titanic",
        "config": "titanic",
        "variant": "blue",
        "model": "titanic-rfc",
        "version": "3f9c2ab1",
        "images": IMAGES,
        "cpus": "1",
        "memory": "1Gi",
        "size": "1Gi",
    },
    "mlec": {"endpoint": "titanic", "config": "titanic", "version": "77abcde2", "modelVersions": {"blue": "3f9c2ab1"}},
}


def a_template(short: str, namespace: str, *, name: str = "titanic", spec: Object | None = None) -> Object:
    """A good object with ``spec`` merged into its own; None takes a field away."""
    return {"metadata": {"name": name, "namespace": namespace}, "spec": merged(SPECS[short], spec or {})}


def an_instance(short: str, namespace: str, *, name: str = "titanic-3f9c2ab1", spec: Object | None = None) -> Object:
    """The same, as the operator makes it."""
    replicas = {"replicas": 1} if short == "mlm" else {}
    marked = merged({"instance": INSTANCES[short]} | replicas, spec or {})
    instance = a_template(short, namespace, name=name, spec=marked)
    return instance | {"metadata": instance["metadata"] | controlled()}


def controlled(kind: str = "MachineLearningEndpoint", name: str = "titanic") -> Object:
    """Labels and owner references of what the operator makes."""
    owner = {"apiVersion": API_VERSION, "kind": kind, "name": name, "uid": "b9e8f6c2", "controller": True}
    return {"labels": {labels.MANAGED_BY: labels.MANAGER}, "ownerReferences": [owner]}


def merged(base: Any, change: Any) -> Any:  # noqa: ANN401 (any JSON value)
    """A JSON merge patch (RFC 7396), except that a list's first element is merged too."""
    if isinstance(base, list) and isinstance(change, list) and base and change:
        return [merged(base[0], change[0]), *change[1:]]
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    both = base | {key: merged(base.get(key), value) for key, value in change.items()}
    return {key: value for key, value in both.items() if value is not None or key not in change}


def references(*, artifact: int, pull: int, env: int) -> Object:
    """A spec that names so many Secrets, each once, beside a plain variable."""
    source = {"artifact": "s3://models/titanic", "artifactSecret": "reader"} if artifact else {}
    named = [
        {"name": f"V{n}", "valueFrom": {"secretKeyRef": {"name": f"secret-{n}", "key": "token"}}} for n in range(env)
    ]
    pulling = [{"name": f"registry-{n}"} for n in range(pull)]
    return {**source, "imagePullSecrets": pulling, "env": [{"name": "PLAIN", "value": "1"}, *named]}
