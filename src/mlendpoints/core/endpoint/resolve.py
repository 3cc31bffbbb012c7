"""Resolve: what an endpoint requests, frozen as a target, its variants with their versions.

``resolve`` follows the references from the endpoint to its config and models.
An obstacle is returned as a ``Finding`` for the condition ``ConfigResolved``.
"""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig, ProductionVariant
from mlendpoints.api.model import Model
from mlendpoints.api.reasons import Reason
from mlendpoints.core.capture import settled, sinks, uses_gor
from mlendpoints.core.directories import locate, prefixes
from mlendpoints.core.endpoint.host_claim import check_host
from mlendpoints.core.endpoint.listeners import requested_listener
from mlendpoints.core.findings import Finding, no_recorder_finding, own_claim_finding, own_sink_finding
from mlendpoints.core.hosts import host_of
from mlendpoints.core.manifests.storage import source_claim
from mlendpoints.core.versions import config_version, model_version
from mlendpoints.core.world import Destination, World

_NAMED = 4  # missing models that a message names
_CREATE_IT = "Create it, or correct the name; the endpoint continues automatically."
_CREATE_THEM = "Create them, or correct the names; the endpoint continues automatically."
_NO_DIRECTORY = (
    "the operator allows none in this namespace. Leave path out, or ask the administrator to allow one"
    " (allowedPathPrefixes of the operator's chart)."
)


class TargetVariant(Struct, frozen=True):
    """One variant of a target: what the config says, the template, its version."""

    spec: ProductionVariant
    template: Model
    version: str

    @property
    def instance(self) -> str:
        """Name of the model instance."""
        return f"{self.template.metadata.name}-{self.version}"

    @property
    def destination(self) -> Destination:
        """The destination of its share of the traffic."""
        return Destination(
            variant=self.spec.name, instance=self.instance, weight=self.spec.weight, vacant=self.spec.instances == 0
        )


class Target(Struct, frozen=True):
    """All that an endpoint requests."""

    config: str
    version: str
    variants: tuple[TargetVariant, ...]

    @property
    def config_instance(self) -> str:
        """Name of the config instance that records this target."""
        return f"{self.config}-{self.version}"

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """The requested destinations, by variant."""
        return tuple(sorted(variant.destination for variant in self.variants))

    @property
    def instances(self) -> frozenset[str]:
        """Names of its model instances."""
        return frozenset(variant.instance for variant in self.variants)

    @property
    def model_versions(self) -> dict[str, str]:
        """Version of each variant's model."""
        return {variant.spec.name: variant.version for variant in self.variants}


def resolve(world: World) -> Target | Finding:
    """The target, or the first obstacle."""
    for check in _CHAIN:
        if finding := check(world):
            return finding
    assert world.config is not None  # noqa: S101 - the chain has seen to it
    return freeze(world.endpoint, world.config, world)


def freeze(endpoint: Endpoint, config: EndpointConfig, world: World) -> Target:
    """The target of resolved references, with its versions."""
    specs = tuple(settled(variant, config.spec.capture) for variant in config.spec.models)
    variants = tuple(_freeze_variant(endpoint, variant, world.models[variant.model]) for variant in specs)
    version = config_version(
        endpoint_uid=endpoint.metadata.uid,
        config=config.metadata.name,
        attempt=endpoint.spec.update.attempt,
        variants=specs,
        model_versions={variant.spec.name: variant.version for variant in variants},
    )
    return Target(config=config.metadata.name, version=version, variants=variants)


def _freeze_variant(endpoint: Endpoint, variant: ProductionVariant, template: Model) -> TargetVariant:
    version = model_version(endpoint_uid=endpoint.metadata.uid, variant=variant, template=template)
    return TargetVariant(spec=variant, template=template, version=version)


def _tls_has_no_credential(world: World) -> Finding | None:
    host = host_of(world.endpoint, world.settings)
    if requested_listener(world.endpoint, world.settings) is not None:
        return None
    return Finding.no(
        Reason.INVALID_SPEC,
        f"spec.tls is true, but the operator has no TLS credential for {host}."
        " Ask the administrator to add its host suffix to the operator's TLS credentials.",
    )


def _config_is_missing(world: World) -> Finding | None:
    name, namespace = world.endpoint.spec.config, world.endpoint.metadata.namespace
    if world.config is None:
        return Finding.no(
            Reason.REFERENCE_NOT_FOUND,
            f"MachineLearningEndpointConfig {namespace}/{name} does not exist. {_CREATE_IT}",
        )
    if world.config.spec.instance is not None:
        return Finding.no(
            Reason.INVALID_SPEC,
            f"spec.config names {name}, which is a frozen instance. Name the template it was created from.",
        )
    return None


def _model_is_missing(world: World) -> Finding | None:
    variants = world.config.spec.models if world.config else ()
    if missing := [variant for variant in variants if variant.model not in world.models]:
        return _models_are_missing(world.endpoint.metadata.namespace, missing)
    for variant in variants:
        if world.models[variant.model].spec.instance is not None:
            return Finding.no(
                Reason.INVALID_SPEC,
                f"Variant {variant.name} names {variant.model}, which is a frozen instance."
                " Name the template it was created from.",
            )
    return None


def _models_are_missing(namespace: str, missing: list[ProductionVariant]) -> Finding:
    """All of them at once, the first few by name."""
    named = [f"{namespace}/{variant.model} of variant {variant.name}" for variant in missing]
    if len(named) == 1:
        text = f"MachineLearningModel {named[0]} does not exist. {_CREATE_IT}"
    else:
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        text = f"MachineLearningModels {', '.join(named[:_NAMED])}{more} do not exist. {_CREATE_THEM}"
    return Finding.no(Reason.REFERENCE_NOT_FOUND, text)


def _path_is_not_allowed(world: World) -> Finding | None:
    variants, namespace = world.config.spec.models if world.config else (), world.endpoint.metadata.namespace
    for variant in variants:
        if variant.path and locate(variant.path, namespace, world.settings) is None:
            allowed = ", ".join(prefixes(namespace, world.settings))
            advice = f"the operator allows directories below: {allowed}." if allowed else _NO_DIRECTORY
            return Finding.no(
                Reason.INVALID_SPEC, f"Variant {variant.name} requests the node directory {variant.path}; {advice}"
            )
    return None


def _claim_is_own(world: World) -> Finding | None:
    for variant in world.config.spec.models if world.config else ():
        claim = source_claim(world.models[variant.model].spec.artifact)
        if claim in world.own_claims:
            finding = own_claim_finding(claim)
            return replace(finding, message=f"Model {variant.model}: {finding.message}")
    return None


def _sink_is_own(world: World) -> Finding | None:
    claims = (source_claim(sink) for sink in (sinks(world.config.spec) if world.config else ()))
    return next((own_sink_finding(claim) for claim in claims if claim in world.own_claims), None)


def _recorder_is_missing(world: World) -> Finding | None:
    requested = world.config is not None and uses_gor(world.config.spec)
    return no_recorder_finding() if requested and not world.settings.recorder_image else None


_CHAIN: tuple[Callable[[World], Finding | None], ...] = (
    check_host,
    _tls_has_no_credential,
    _config_is_missing,
    _model_is_missing,
    _path_is_not_allowed,
    _claim_is_own,
    _sink_is_own,
    _recorder_is_missing,
)
