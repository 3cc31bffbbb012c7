"""Edits of the fewest fields, and what they change, for people. Pure."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import fields, replace

from mlendpoints.api.endpoint import Endpoint, EndpointStatus
from mlendpoints.api.endpointconfig import EndpointConfig, ProductionVariant
from mlendpoints.api.model import Model
from mlendpoints.client.errors import ClientError, NotFoundError
from mlendpoints.client.objects import AnyObject, changed, describe, ref_of, with_spec
from mlendpoints.client.suggestions import nearest, suggestion
from mlendpoints.core import changes
from mlendpoints.core.canonical import Manifest, plain
from mlendpoints.core.changes import FieldChange


def field_changes(before: AnyObject, after: AnyObject) -> tuple[FieldChange, ...]:
    """The fields of the spec that differ, items of named lists by their names."""
    return changes.field_changes(ref_of(after), "spec", whole(before.spec), whole(after.spec))


def whole(value: Struct) -> Manifest:
    """All fields of a value by their names on the wire, also those that have their default."""
    return {field.encode_name: plain(getattr(value, field.name), whole) for field in fields(value)}


def with_weights(config: EndpointConfig, weights: Mapping[str, int]) -> EndpointConfig:
    """The config with these weights; other variants keep theirs."""
    for name in weights:
        variant_of(config, name)
    return with_spec(
        config,
        models=tuple(
            changed(variant, f"spec.models[{variant.name}]", weight=weights[variant.name])
            if variant.name in weights
            else variant
            for variant in config.spec.models
        ),
    )


def with_variant(config: EndpointConfig, name: str, **fields: object) -> EndpointConfig:
    """The config with these fields of one variant."""
    variant_of(config, name)
    return with_spec(
        config,
        models=tuple(
            changed(variant, f"spec.models[{name}]", **fields) if variant.name == name else variant
            for variant in config.spec.models
        ),
    )


def variant_of(config: EndpointConfig, name: str) -> ProductionVariant:
    """The variant of this name; raises ``NotFoundError``."""
    names = [variant.name for variant in config.spec.models]
    if name not in names:
        found = nearest(name, names)
        hint = suggestion(found) or f" Its variants: {', '.join(names)}."
        raise NotFoundError(f"{describe(ref_of(config))} has no variant {name}.{hint}", nearest=found)
    return config.spec.models[names.index(name)]


def earlier_version(status: EndpointStatus, name: str) -> str:
    """The version that a rollback leads to: what serves, if another one is requested, else what served before."""
    if status.config_version and status.config_version != status.target_version:
        return status.config_version
    served = (entry.target for entry in status.history if entry.outcome == "Succeeded")
    found = next((target for target in served if target != status.config_version), "")
    if not found:
        raise ClientError(f"Endpoint {name} has no earlier version to roll back to: its history has none.")
    return found


def record_of(configs: tuple[EndpointConfig, ...], endpoint: Endpoint, version: str) -> EndpointConfig:
    """The config instance that records a version of the endpoint; raises ``NotFoundError``."""
    records = {
        config.spec.instance.version: config
        for config in configs
        if config.spec.instance is not None and config.spec.instance.endpoint == endpoint.metadata.name
    }
    if version in records:
        return records[version]
    kept = ", ".join(sorted(records.keys() - {endpoint.status.config_version})) or "none"
    raise NotFoundError(
        f"Version {version} of endpoint {endpoint.metadata.name} is not kept (kept besides the one that serves:"
        f" {kept}). Edit the config or its models instead; spec.update.keepVersions keeps versions from now on."
    )


def restored_model(template: Model, instance: Model) -> Model:
    """The template with the spec of one of its frozen versions."""
    return replace(template, spec=replace(instance.spec, instance=None, replicas=None))


def restored_config(template: EndpointConfig, instance: EndpointConfig) -> EndpointConfig:
    """The same of a config."""
    return replace(template, spec=replace(instance.spec, instance=None))


def users_of_config(config: str, endpoints: tuple[Endpoint, ...], *, other_than: str) -> tuple[str, ...]:
    """The other endpoints that use a config."""
    names = (endpoint.metadata.name for endpoint in endpoints if endpoint.spec.config == config)
    return tuple(name for name in names if name != other_than)


def users_of_model(
    model: str, configs: tuple[EndpointConfig, ...], endpoints: tuple[Endpoint, ...], *, other_than: str
) -> tuple[str, ...]:
    """The other endpoints whose config names a model."""
    using = [c.metadata.name for c in configs if any(variant.model == model for variant in c.spec.models)]
    found = {name for config in using for name in users_of_config(config, endpoints, other_than=other_than)}
    return tuple(sorted(found))
