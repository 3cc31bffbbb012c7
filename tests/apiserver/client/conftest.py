"""The client on the real API server, in a namespace of its own; the operator's reports are written by the tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from mlendpoints.client import (
    Endpoint,
    EndpointConfig,
    EndpointConfigSpec,
    EndpointSpec,
    MLOpsClient,
    Model,
    ModelSpec,
    ObjectMeta,
    ProductionVariant,
)
from mlendpoints.client.objects import AnyObject
from tests.kit.builders import BORN
from tests.kit.sync_client import KIND_NAMES, SyncClient, address

NAMESPACE = "titanic"  # that of the examples in the docstrings
Report = Callable[..., None]


@pytest.fixture
def client(kubeconfig: Path, server: SyncClient, namespace: str) -> Iterator[MLOpsClient]:
    """A client of an empty namespace."""
    assert server
    with MLOpsClient(kubeconfig=kubeconfig, namespace=namespace) as client:
        yield client


@pytest.fixture
def report(server: SyncClient) -> Report:
    """Writes a status as the operator would: conditions of the newest generation, and further fields."""

    def report(obj: AnyObject, **fields: object) -> None:
        reason = fields.pop("reason", "Waiting")
        conditions = [
            {"type": type_, "status": status, "reason": reason, "message": message, "lastTransitionTime": BORN}
            | {"observedGeneration": obj.metadata.generation}
            for type_, (status, message) in dict(fields.pop("conditions", {})).items()  # type: ignore[call-overload]
        ]
        short = next(short for short, kind in KIND_NAMES.items() if kind == obj.KIND)
        path = address(short, {"metadata": {"name": obj.metadata.name, "namespace": obj.metadata.namespace}})
        status = {"observedGeneration": obj.metadata.generation, "conditions": conditions} | fields
        media = {"Content-Type": "application/merge-patch+json"}
        answer = server.ask("PATCH", f"{path}/status", body={"status": status}, headers=media)
        assert answer.is_success, answer.text

    return report


def a_model(name: str = "rfc", **spec: object) -> Model:
    fields = {"image": f"registry.example.com/{name}:1"} | spec
    return Model(metadata=ObjectMeta(name=name), spec=msgspec.convert(fields, ModelSpec))


def create_titanic(client: MLOpsClient, name: str = "titanic", config: str = "titanic") -> Endpoint:
    """An endpoint with the variants blue and green; its config may exist already."""
    known = [found.metadata.name for found in client.V1Alpha1Model.list()]
    for model in {"rfc", "lr"} - set(known):
        client.V1Alpha1Model.create(a_model(model))
    if config not in [found.metadata.name for found in client.V1Alpha1EndpointConfig.list()]:
        variants = (ProductionVariant(name="blue", model="rfc"), ProductionVariant(name="green", model="lr"))
        spec = EndpointConfigSpec(models=variants)
        client.V1Alpha1EndpointConfig.create(EndpointConfig(metadata=ObjectMeta(name=config), spec=spec))
    host = f"{name}.{client.namespace}.example.com"
    return client.V1Alpha1Endpoint.create(
        Endpoint(metadata=ObjectMeta(name=name), spec=EndpointSpec(config=config, host=host))
    )
