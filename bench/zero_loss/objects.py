"""What users would write: three models that answer by their versions' names, configs, one endpoint."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from mlendpoints.api.meta import API_VERSION
from tests.kit.client import Object
from tests.kit.images import image

ENDPOINT = "live"
_SOURCE = (Path(__file__).parent / "model.py").read_text()


class Variant(Struct, frozen=True):
    """One line of a config."""

    model: str
    weight: int
    instances: int = 1


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


def _make(kind: str, name: str, spec: Mapping[str, object]) -> Object:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}
