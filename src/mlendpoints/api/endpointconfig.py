"""``MachineLearningEndpointConfig`` (mlec): how models share an endpoint's traffic.

What users write is a template; the operator writes instances, each an inert
record of one target of one endpoint.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta

from mlendpoints.api import patterns
from mlendpoints.api.capture import Capture
from mlendpoints.api.declared import NOT_IN_VERSION, joined
from mlendpoints.api.meta import Condition, ObjectMeta, Value
from mlendpoints.api.model import ObjectName, VersionName
from mlendpoints.api.pod_settings import PodSettings, quantities_as_strings


class Share(Value, frozen=True, kw_only=True):
    """Which model a variant is, and its share of the traffic. Changing it replaces no pods."""

    name: Annotated[
        str,
        Meta(description="The variant's name, unique in the config.", pattern=patterns.LABEL, max_length=32),
        NOT_IN_VERSION,
    ]
    model: Annotated[
        str,
        Meta(description="Name of a MachineLearningModel.", pattern=patterns.LABEL, max_length=54),
        NOT_IN_VERSION,
    ]
    weight: Annotated[
        int,
        Meta(description="Share of the traffic: weight / sum of all weights.", ge=0, le=1000000),
        NOT_IN_VERSION,
    ] = 1
    instances: Annotated[
        int, Meta(description="Number of pods; 0 only with weight 0.", ge=0, le=1000), NOT_IN_VERSION
    ] = 1


if TYPE_CHECKING:

    class _VariantFields(Share, PodSettings, frozen=True, kw_only=True):
        pass
else:
    _VariantFields = joined("_VariantFields", Share, PodSettings)


class ProductionVariant(_VariantFields, frozen=True, kw_only=True):
    """One model of the config: its share of the traffic, its size, its storage."""

    path: Annotated[
        str,
        Meta(
            description="Node directory for the artifact, below a prefix that the operator allows.",
            pattern=patterns.DIRECTORY,
            max_length=1024,
        ),
    ] = ""

    def __post_init__(self) -> None:
        """Hold quantities as strings, however they were written."""
        quantities_as_strings(self)


class ConfigInstance(Value, frozen=True, kw_only=True):
    """Marks the record of one target of one endpoint. Written by the operator only."""

    endpoint: Annotated[ObjectName, Meta(description="The endpoint this target belongs to.")]
    config: Annotated[ObjectName, Meta(description="The template that it was created from.")]
    version: Annotated[VersionName, Meta(description="Hash of the whole target.")]
    model_versions: Annotated[
        Mapping[str, VersionName], Meta(description="Version of each variant's model.", max_length=10)
    ] = {}


class EndpointConfigSpec(Value, frozen=True, kw_only=True):
    """The models and their shares."""

    models: Annotated[
        tuple[ProductionVariant, ...], Meta(description="The production variants.", min_length=1, max_length=10)
    ]
    capture: Annotated[
        Capture | None,
        Meta(
            description="Records requests and responses of all variants that have no capture of their own; unset: off."
        ),
    ] = None
    instance: Annotated[
        ConfigInstance | None, Meta(description="Written by the operator only; marks a frozen version.")
    ] = None


class EndpointConfigStatus(Value, frozen=True, kw_only=True):
    """The observed state of the config."""

    observed_generation: Annotated[int, Meta(description="The generation that this status is about.", ge=0)] = 0
    models: Annotated[str, Meta(description="Variants and their weights, for people: blue=90,green=10.")] = ""
    used_by: Annotated[
        tuple[str, ...], Meta(description="Templates only: endpoints that use it, the first ten by name.")
    ] = ()
    used_by_count: Annotated[int, Meta(description="Templates only: how many endpoints use it.", ge=0)] = 0
    model_versions: Annotated[
        Mapping[str, str], Meta(description="Instances only: version of each variant's model.")
    ] = {}
    conditions: Annotated[tuple[Condition, ...], Meta(description="Templates: RolledOut.")] = ()


class EndpointConfig(Value, frozen=True, kw_only=True):
    """How several models share the traffic of an endpoint; reusable in many endpoints."""

    KIND: ClassVar[str] = "MachineLearningEndpointConfig"
    metadata: ObjectMeta
    spec: EndpointConfigSpec
    status: EndpointConfigStatus = EndpointConfigStatus()
