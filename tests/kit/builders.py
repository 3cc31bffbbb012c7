"""Builders of the objects that tests are about: everything sensible but what the test names."""

from typing import Any

import msgspec

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model
from mlendpoints.core.endpoint.listeners import requested_listener
from mlendpoints.core.world import GatewayPod, Listener, Settings

NAMESPACE = "titanic"
BORN = "2026-01-01T00:00:00Z"


def metadata(name: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    return {
        "name": name,
        "namespace": NAMESPACE,
        "uid": f"uid-of-{name}",
        "generation": 1,
        "creationTimestamp": BORN,
        **more,
    }


def a_model(name: str = "titanic-rfc", **spec: Any) -> Model:  # noqa: ANN401 - any field
    image = {"image": f"registry.example.com/{name}:1", "artifact": f"http://artifacts.example.com/{name}.tar.gz"}
    return msgspec.convert({"metadata": metadata(name), "spec": image | spec}, Model)


def a_variant(name: str = "blue", model: str = "titanic-rfc", **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    return {"name": name, "model": model, **fields}


def a_config(*variants: dict[str, Any], name: str = "titanic") -> EndpointConfig:
    models = list(variants) or [a_variant()]
    return msgspec.convert({"metadata": metadata(name), "spec": {"models": models}}, EndpointConfig)


def an_endpoint(name: str = "titanic", *, meta: dict[str, Any] | None = None, **spec: Any) -> Endpoint:  # noqa: ANN401 - any field
    fields = {"config": "titanic", "host": "titanic.example.com"} | spec
    return msgspec.convert({"metadata": metadata(name, **(meta or {})), "spec": fields}, Endpoint)


def requested_listeners(endpoint: Endpoint, settings: Settings) -> tuple[Listener, ...]:
    listener = requested_listener(endpoint, settings)
    return () if listener is None else (listener,)


def some_settings(**fields: Any) -> Settings:  # noqa: ANN401 - any field
    return Settings(model_init_image="model-init:1", nginx_image="nginx:1", shipper_image="shipper:1", **fields)


GATEWAYS = (GatewayPod("gw-a", "10.0.0.1", 80), GatewayPod("gw-b", "10.0.0.2", 80))


def an_mlmodel(name: str = "titanic", *, meta: dict[str, Any] | None = None, **spec: Any) -> MLModel:  # noqa: ANN401 - any field
    fields = {"image": "registry.example.com/titanic:1", "artifact": "http://artifacts.example.com/titanic-1.tar.gz"}
    return msgspec.convert({"metadata": metadata(name, **(meta or {})), "spec": fields | spec}, MLModel)
