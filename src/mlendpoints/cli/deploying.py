"""The objects that ``deploy`` creates. Pure."""

from typing import Any

import msgspec

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model
from mlendpoints.cli.errors import UsageError
from mlendpoints.client.objects import AnyObject

VARIANT = "blue"  # the first one; a second one is called green


def make_objects(
    name: str, namespace: str, *, model: dict[str, Any], size: dict[str, Any], endpoint: dict[str, Any]
) -> tuple[AnyObject, ...]:
    """Model, config and endpoint of one name; fields that are None keep their defaults; raises ``UsageError``."""
    variant = {"name": VARIANT, "model": name, **size}
    return (
        _make(Model, name, namespace, model),
        _make(EndpointConfig, name, namespace, {"models": [_given(variant)]}),
        _make(Endpoint, name, namespace, {"config": name, **endpoint}),
    )


def make_mlmodel(name: str, namespace: str, *, model: dict[str, Any], size: dict[str, Any]) -> tuple[AnyObject, ...]:
    """The MLModel that does the same without a URL of its own; raises ``UsageError``."""
    replicas = {"replicas": size["instances"]}
    rest = {key: value for key, value in size.items() if key != "instances"}
    return (_make(MLModel, name, namespace, model | rest | replicas),)


def _make(kind: type[AnyObject], name: str, namespace: str, spec: dict[str, Any]) -> AnyObject:
    metadata = {"name": name, "namespace": namespace}
    try:
        return msgspec.convert({"metadata": metadata, "spec": _given(spec)}, kind)
    except msgspec.ValidationError as error:
        raise UsageError(f"{str(error).replace('`$.', '`')}.") from None


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def unshared(
    endpoint: Endpoint,
    endpoints: tuple[Endpoint, ...],
    configs: tuple[EndpointConfig, ...],
    models: tuple[Model, ...],
) -> list[AnyObject]:
    """The config of an endpoint and its models, without those that another endpoint or config names."""
    name = endpoint.spec.config
    if any(other.spec.config == name for other in endpoints if other.metadata.name != endpoint.metadata.name):
        return []
    own = [config for config in configs if config.metadata.name == name]
    named_by_others = {v.model for config in configs if config.metadata.name != name for v in config.spec.models}
    named = {variant.model for config in own for variant in config.spec.models} - named_by_others
    return [*own, *(model for model in models if model.metadata.name in named)]
