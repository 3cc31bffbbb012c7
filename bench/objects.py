"""What the benchmark creates by itself: namespaces, two models, one config, endpoints."""

from functools import partial

from mlendpoints.api.meta import API_VERSION
from mlendpoints.edge.kube import kinds
from tests.kit.client import Client, Object, do_all

MODELS = ("forest", "logistic")
CONFIG = "split"
_IMAGE = "localhost/mlendpoints/model:dev"


async def create_namespace(client: Client, name: str) -> None:
    """An empty namespace."""
    await client.create("/api/v1/namespaces", {"metadata": {"name": name}})


async def create_templates(client: Client, namespace: str) -> None:
    """Two models, and a config that splits 90/10 between them."""
    for model in MODELS:
        await client.create(kinds.MODEL.path(namespace), make_model(namespace, model))
    await client.create(kinds.CONFIG.path(namespace), make_config(namespace))


async def create_endpoints(client: Client, namespace: str, names: list[str], *, config: str = CONFIG) -> None:
    """All endpoints, as fast as the server takes them."""
    collection = kinds.ENDPOINT.path(namespace)
    manifests = [make_endpoint(namespace, name, config=config) for name in names]
    await do_all(partial(client.create, collection, manifest) for manifest in manifests)


def endpoint_names(count: int) -> list[str]:
    """Names of ``count`` endpoints."""
    return [f"ep-{number:04}" for number in range(count)]


def make_endpoint(namespace: str, name: str, *, config: str) -> Object:
    """An endpoint with a host of its own."""
    return _make("MachineLearningEndpoint", namespace, name, {"config": config, "host": f"{name}.{namespace}.test"})


def make_config(namespace: str) -> Object:
    """Both models, one instance each."""
    share = {"instances": 1, "cpus": "50m", "memory": "256Mi", "size": "64Mi"}
    variants = [
        {"name": model, "model": model, "weight": weight, **share}
        for model, weight in zip(MODELS, (90, 10), strict=True)
    ]
    return _make("MachineLearningEndpointConfig", namespace, CONFIG, {"models": variants})


def make_model(namespace: str, name: str) -> Object:
    """A model with an artifact, as the Titanic example's."""
    spec = {
        "image": _IMAGE,
        "artifact": f"http://artifacts.titanic.svc/{name}.tar.gz",
        "artifactDigest": "sha256:" + "0" * 64,
    }
    return _make("MachineLearningModel", namespace, name, spec)


def _make(kind: str, namespace: str, name: str, spec: Object) -> Object:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"namespace": namespace, "name": name}, "spec": spec}
