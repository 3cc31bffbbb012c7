"""What users would write: three models that answer by their versions' names, configs, one endpoint."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from bench.client import Object
from mlendpoints.api.meta import API_VERSION
from mlendpoints.api.policy import OPERATOR

REGISTRY = os.environ.get("REGISTRY") or "localhost/mlendpoints"
TAG = os.environ.get("TAG") or "dev"
ENDPOINT = "live"
_SOURCE = (Path(__file__).parent / "model.py").read_text()
_RBAC = "rbac.authorization.k8s.io"


class Variant(Struct, frozen=True):
    """One line of a config."""

    model: str
    weight: int
    instances: int = 1


def image(name: str) -> str:
    """The name of one of the project's images, or of one that does not exist."""
    return f"{REGISTRY}/{name}:{TAG}"


SIDECARS = {"model_init_image": image("model-init"), "nginx_image": image("nginx")}  # settings of an operator


def make_model(name: str, answer: str, *, broken: Mapping[str, object] | None = None) -> Object:
    """A model that answers ``answer``; ``broken`` replaces fields of its spec."""
    spec = {
        "image": image("model"),
        "command": ["python3", "-c", _SOURCE],
        "args": [],
        "env": [{"name": "ANSWER", "value": answer}],
    }
    return _make("MachineLearningModel", name, spec | dict(broken or {}))


def make_config(name: str, variants: Mapping[str, Variant]) -> Object:
    """A config whose pods take little of the node."""
    small = {"cpus": "20m", "memory": "64Mi", "size": "16Mi"}
    models = [
        small | {"name": key, "model": each.model, "weight": each.weight, "instances": each.instances}
        for key, each in variants.items()
    ]
    return _make("MachineLearningEndpointConfig", name, {"models": models})


def make_endpoint(config: str, host: str, deadline: int) -> Object:
    """The endpoint; ``deadline`` in seconds."""
    spec = {"config": config, "host": host, "update": {"deadlineSeconds": deadline}}
    return _make("MachineLearningEndpoint", ENDPOINT, spec)


def make_bindings(namespace: str, gateway: str) -> Iterable[tuple[str, Object]]:
    """An operator's rights in its namespace and in the gateway's, with the namespace of each."""
    for where, role in ((namespace, "cluster-admin"), (gateway, "view")):
        yield (
            where,
            {
                "apiVersion": f"{_RBAC}/v1",
                "kind": "RoleBinding",
                "metadata": {"name": namespace, "namespace": where},
                "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
                "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": OPERATOR}],
            },
        )


def _make(kind: str, name: str, spec: Mapping[str, object]) -> Object:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}
