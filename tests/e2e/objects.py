"""Manifests as users write them: small models, configs and endpoints."""

import base64
import hashlib
from typing import Any

import yaml

from mlendpoints.api.meta import API_VERSION
from tests.e2e.namespace import ROOT
from tests.kit.images import image
from tests.kit.sync_client import Object

EXAMPLE = ROOT / "examples" / "titanic"
LONG = "m" + "0123456789" * 5 + "abc"  # 54 characters, the most that a template's name may have
_ECHO = (ROOT / "tests" / "e2e" / "echo.py").read_text()


def an_echo(name: str, *, answer: str = "", first: str = "", **spec: Any) -> Object:  # noqa: ANN401 (any JSON value)
    """A model without artifact that answers everything by ``answer``, else by its own name.

    ``first`` is a line of Python that runs before it listens.
    """
    small = {
        "image": image("model"),
        "command": ["python3", "-c", f"import os, sys, time\n{first}\n{_ECHO}"],
        "args": [],
        "env": [{"name": "ANSWER", "value": answer or name}],
    }
    return _of_ours("MachineLearningModel", name, small | spec)


def a_titanic_model(name: str, archive: str, *, artifacts: str, digest: str = "") -> Object:
    """One of the example's models, its artifact in the namespace ``artifacts``."""
    spec = {
        "image": image("model"),
        "artifact": f"http://artifacts.{artifacts}.svc/{archive}",
        "artifactDigest": digest or digest_of(archive),
    }
    return _of_ours("MachineLearningModel", name, spec)


def digest_of(archive: str) -> str:
    """The right digest of one of the example's artifacts."""
    return f"sha256:{hashlib.sha256((EXAMPLE / 'artifacts' / archive).read_bytes()).hexdigest()}"


def a_config(name: str, *variants: Object) -> Object:
    """A config of variants that take little of the node."""
    small = {"cpus": "20m", "memory": "192Mi", "size": "16Mi"}
    return _of_ours("MachineLearningEndpointConfig", name, {"models": [small | variant for variant in variants]})


def a_variant(name: str, model: str, *, weight: int = 1, instances: int = 1) -> Object:
    return {"name": name, "model": model, "weight": weight, "instances": instances}


def an_endpoint(name: str, *, config: str, host: str, deadline: int = 600) -> Object:
    return _of_ours(
        "MachineLearningEndpoint", name, {"config": config, "host": host, "update": {"deadlineSeconds": deadline}}
    )


def an_artifact_server() -> tuple[Object, ...]:
    """The example's web server with both artifacts."""
    documents: list[Object] = list(yaml.safe_load_all((EXAMPLE / "artifacts-server.yaml").read_text()))
    for document in documents:
        if document["kind"] == "Deployment":
            document["spec"]["template"]["spec"]["containers"][0]["image"] = image("nginx")
    files = (EXAMPLE / "artifacts-server.conf", *sorted((EXAMPLE / "artifacts").glob("*.tar.gz")))
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "artifacts"},
        "binaryData": {path.name: base64.b64encode(path.read_bytes()).decode() for path in files},
    }
    return (config_map, *documents)


def a_foreign_virtual_service(name: str, host: str) -> Object:
    """Somebody else's."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name},
        "spec": {"hosts": [host], "http": [{"directResponse": {"status": 418}}]},
    }


def a_foreign_gateway(name: str, host: str, selector: dict[str, str]) -> Object:
    """Somebody else's."""
    server = {"hosts": [host], "port": {"name": "http", "number": 80, "protocol": "HTTP"}}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": name},
        "spec": {"selector": selector, "servers": [server]},
    }


def a_foreign_service(name: str) -> Object:
    """Somebody else's."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": "somebody-else"}, "ports": [{"port": 80}]},
    }


def _of_ours(kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
