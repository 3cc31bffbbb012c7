"""Instances: the frozen versions of an endpoint's config and models.

Only fields that differ from their defaults are written, quantities in canonical
form, variants by name: the same version always gives the same object. No label
or annotation of a template is copied.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from mlendpoints.api import labels
from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import ConfigInstance, EndpointConfig, EndpointConfigSpec, ProductionVariant
from mlendpoints.api.meta import API_VERSION
from mlendpoints.api.mlmodel import MLModelSpec
from mlendpoints.api.model import Container, Images, Model, ModelInstance, ModelSpec, Network
from mlendpoints.api.pod_settings import PodSettings
from mlendpoints.core.canonical import Manifest, canonical
from mlendpoints.core.directories import locate
from mlendpoints.core.manifests.deployment import BUILDER
from mlendpoints.core.manifests.metadata import endpoint_labels, instance_labels, make_metadata
from mlendpoints.core.manifests.storage import needs_volume
from mlendpoints.core.quantities import canonical_quantity, with_canonical_quantities
from mlendpoints.core.world import Settings


def make_config_instance(
    endpoint: Endpoint,
    *,
    config_name: str,
    version: str,
    variants: Iterable[ProductionVariant],
    model_versions: Mapping[str, str],
) -> Manifest:
    """The inert record of one target: weights, instances, and the version of each variant's model."""
    spec = EndpointConfigSpec(
        models=tuple(
            with_canonical_quantities(variant) for variant in sorted(variants, key=lambda variant: variant.name)
        ),
        instance=ConfigInstance(
            endpoint=endpoint.metadata.name,
            config=config_name,
            version=version,
            model_versions=dict(sorted(model_versions.items())),
        ),
    )
    return {
        "apiVersion": API_VERSION,
        "kind": EndpointConfig.KIND,
        "metadata": make_metadata(
            f"{config_name}-{version}",
            endpoint,
            object_labels=endpoint_labels(endpoint)
            | {labels.NAME: config_name, labels.COMPONENT: "config", labels.APP_VERSION: version},
        ),
        "spec": canonical(spec),
    }


def make_model_instance(  # noqa: PLR0913 - two objects, and what the target says of them
    endpoint: Endpoint,
    template: Model,
    variant: ProductionVariant,
    *,
    config_name: str,
    version: str,
    replicas: int,
    settings: Settings,
) -> Manifest:
    """The frozen version of a model for one variant; ``replicas`` is its scale, the only field that may change."""
    variant = with_canonical_quantities(variant)
    directory = locate(variant.path, endpoint.metadata.namespace, settings) if variant.path else None
    instance = ModelInstance(
        endpoint=endpoint.metadata.name,
        config=config_name,
        variant=variant.name,
        model=template.metadata.name,
        version=version,
        path=directory.volume if directory else variant.path,
        folder=directory.folder if directory else "",
        **frozen_fields(variant, settings),
    )
    name = f"{template.metadata.name}-{version}"
    spec = replace(template.spec, replicas=replicas, instance=instance)
    return {
        "apiVersion": API_VERSION,
        "kind": Model.KIND,
        "metadata": make_metadata(name, endpoint, object_labels=instance_labels(name, instance))
        | {"annotations": {labels.REQUESTED: str(variant.instances)}}
        | _finalizers(spec),
        "spec": canonical(spec),
    }


def frozen_fields(sizes: ProductionVariant | MLModelSpec, settings: Settings) -> dict[str, Any]:
    """What a version freezes beside its names: the operator's own part of today, and its sizes."""
    return operators_part(settings) | {name: getattr(sizes, name) for name in PodSettings.__struct_fields__}


def operators_part(settings: Settings) -> dict[str, Any]:
    """The operator's own images and settings of today, and the revision of the pod template that they fit."""
    images = Images(
        model_init=settings.model_init_image,
        nginx=settings.nginx_image,
        shipper=settings.shipper_image,
        fluent_bit=settings.fluent_bit_image,
        recorder=settings.recorder_image,
        pull_policy=settings.image_pull_policy,
    )
    return {
        "builder": BUILDER,
        "images": images,
        "drain_seconds": settings.drain_seconds,
        "network": _network(settings),
        "nginx": _container(settings.nginx_resources),
        "model_init": _container(settings.model_init_resources),
        "fluent_bit": _container(settings.fluent_bit_resources),
    }


def _container(resources: Mapping[str, Mapping[str, str]]) -> Container | None:
    if not resources:
        return None
    given = {
        name: {resource: canonical_quantity(amount) for resource, amount in sorted(amounts.items())}
        for name, amounts in resources.items()
    }
    return Container(**given)


def _network(settings: Settings) -> Network | None:
    network = Network(**{name: getattr(settings, f"fetch_{name}") for name in Network.__struct_fields__})
    return None if network == Network() else network


def _finalizers(spec: ModelSpec) -> Manifest:
    return {"finalizers": [labels.VOLUME_FINALIZER]} if needs_volume(spec) else {}
