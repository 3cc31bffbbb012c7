"""What an endpoint comes to: every manifest for what a user asks in YAML, without an API server.

The golden files hold both. After a wanted change, write them anew and read the difference:
``python -m tests.unit.core.manifests.made``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec.structs import replace

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig, ProductionVariant
from mlendpoints.api.labels import PROXY_PING_PATH
from mlendpoints.api.model import Images, Model
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.deployment import make_deployment
from mlendpoints.core.manifests.destinationrule import make_destination_rule
from mlendpoints.core.manifests.gateway import make_gateway
from mlendpoints.core.manifests.instances import make_config_instance, make_model_instance
from mlendpoints.core.manifests.monitoring import make_monitoring_service, make_pod_monitor
from mlendpoints.core.manifests.networkpolicy import make_network_policy
from mlendpoints.core.manifests.service import make_service
from mlendpoints.core.manifests.storage import make_claim, make_volume, needs_claim, needs_volume
from mlendpoints.core.manifests.virtualservice import make_virtual_service
from mlendpoints.core.routes import make_routes
from mlendpoints.core.world import Destination, Settings
from tests.kit import builders

GOLDEN = Path(__file__).parent.parent / "golden"
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/asked.yaml"))
IMAGES = Images(
    model_init="registry.example.com/model-init:1",
    nginx="registry.example.com/nginx:1",
    shipper="registry.example.com/shipper:1",
)
SETTINGS = Settings(
    model_init_image=IMAGES.model_init,
    nginx_image=IMAGES.nginx,
    shipper_image=IMAGES.shipper,
    tls_credentials={"example.com": "wildcard", "titanic.example.com": "titanic"},
)


class Asked(msgspec.Struct, frozen=True):
    """What a user writes."""

    endpoint: Endpoint
    config: EndpointConfig
    models: dict[str, Model]
    settings: Settings


def requested(case: str) -> Asked:
    """What the golden case asks for."""
    return asked_in(yaml.safe_load_all((GOLDEN / case / "asked.yaml").read_text()), settings=settings_of(case))


def settings_of(case: str) -> Settings:
    """What the administrator of the golden case has set beside what is set in all of them."""
    path = GOLDEN / case / "settings.yaml"
    return replace(SETTINGS, **yaml.safe_load(path.read_text())) if path.exists() else SETTINGS


def asked_in(documents: Iterator[dict[str, Any]], *, settings: Settings) -> Asked:
    """The objects of a YAML stream: one endpoint, its config, its models."""
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for document in documents:
        by_kind.setdefault(document["kind"], []).append(document)
    models = [msgspec.convert(document, Model) for document in by_kind[Model.KIND]]
    return Asked(
        endpoint=msgspec.convert(by_kind[Endpoint.KIND][0], Endpoint),
        config=msgspec.convert(by_kind[EndpointConfig.KIND][0], EndpointConfig),
        models={model.metadata.name: model for model in models},
        settings=settings,
    )


def made(wish: Asked) -> list[Manifest]:
    """Every manifest of the endpoint, in the order in which they are written."""
    monitored = bool(wish.settings.pod_monitor_labels)
    instances = [instance_manifest(wish, variant) for variant in wish.config.spec.models]
    return [
        config_manifest(wish),
        make_gateway(wish.endpoint, wish.settings, builders.requested_listeners(wish.endpoint, wish.settings)),
        make_monitoring_service(wish.endpoint, scraped=not monitored),
        *([make_network_policy(wish.endpoint, wish.settings)] if wish.settings.network_policies == "write" else []),
        *instances,
        *(child for manifest in instances for child in children(existing(manifest))),
        virtual_service(wish),
        *([make_pod_monitor(wish.endpoint, wish.settings)] if monitored else []),
    ]


def config_manifest(wish: Asked) -> Manifest:
    variants = wish.config.spec.models
    return make_config_instance(
        wish.endpoint,
        config_name=wish.config.metadata.name,
        version="target00",
        variants=variants,
        model_versions={variant.name: version(variant) for variant in variants},
    )


def instance_manifest(wish: Asked, variant: ProductionVariant) -> Manifest:
    return make_model_instance(
        wish.endpoint,
        wish.models[variant.model],
        variant,
        config_name=wish.config.metadata.name,
        version=version(variant),
        replicas=variant.instances,
        settings=wish.settings,
    )


def existing(manifest: Manifest, uid: str = "uid-of-instance") -> Model:
    """A model instance as it comes back from the API server."""
    return msgspec.convert(manifest | {"metadata": manifest["metadata"] | {"uid": uid}}, Model)


def children(instance: Model) -> list[Manifest]:
    """What a model instance owns, in the order in which it is written."""
    volume = [make_volume(instance)] if needs_volume(instance.spec) else []
    claim = [make_claim(instance)] if needs_claim(instance.spec) else []
    replicas = instance.spec.replicas or 0
    return [
        *volume,
        *claim,
        make_deployment(instance, replicas=replicas),
        make_service(instance),
        make_destination_rule(instance),
    ]


def virtual_service(wish: Asked) -> Manifest:
    destinations = [
        Destination(
            variant=variant.name,
            instance=f"{variant.model}-{version(variant)}",
            weight=variant.weight,
            vacant=variant.instances == 0,
        )
        for variant in wish.config.spec.models
    ]
    paths = {f"{v.model}-{version(v)}": PROXY_PING_PATH for v in wish.config.spec.models}
    return make_virtual_service(
        wish.endpoint, make_routes(destinations, paths), ping_paths=paths, settings=wish.settings
    )


def version(variant: ProductionVariant) -> str:
    """Stands for the hash that the operator uses: eight characters that say which variant it is."""
    return f"{variant.name:0<8}"[:8]


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - yaml's signature
        return True


def as_yaml(manifests: list[Manifest]) -> str:
    """A YAML stream as a person would write it: no anchors, keys in the builders' order."""
    return yaml.dump_all(manifests, Dumper=_Plain, sort_keys=False, width=120)


if __name__ == "__main__":
    for name in CASES:
        (GOLDEN / name / "made.yaml").write_text(as_yaml(made(requested(name))))
