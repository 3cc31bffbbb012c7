"""``MachineLearningEndpointConfig`` (mlec): how models share an endpoint's traffic.

What users write is a template; the operator writes instances, each an inert
record of one target of one endpoint.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from msgspec import Meta, field
from msgspec.structs import force_setattr

from mlendpoints.api import patterns
from mlendpoints.api.meta import Condition, ObjectMeta, Value
from mlendpoints.api.model import AccessMode, NodeSelector, ObjectName, Quantity, Tolerations, VersionName

if TYPE_CHECKING:
    WrittenQuantity = str
else:  # Users write `cpus: 1` as well as `cpus: "1"`; a struct has it as a string either way.
    WrittenQuantity = Quantity | Annotated[int, Meta(ge=0, le=2**53)]
WrittenResources = Annotated[
    Mapping[str, WrittenQuantity], Meta(description="Further resources, such as nvidia.com/gpu: 1.", max_length=16)
]


def normalize_quantities(sizes: Any) -> None:  # noqa: ANN401 - anything with these four fields
    """Converts ``cpus``, ``memory``, ``size`` and ``resources`` to strings, however they were written."""
    for name in ("cpus", "memory", "size"):
        force_setattr(sizes, name, str(getattr(sizes, name)))
    if sizes.resources:
        force_setattr(sizes, "resources", {name: str(amount) for name, amount in sizes.resources.items()})


class ProductionVariant(Value, frozen=True, kw_only=True):
    """One model of the config: its share of the traffic, its size, its storage."""

    name: Annotated[
        str, Meta(description="The variant's name, unique in the config.", pattern=patterns.LABEL, max_length=32)
    ]
    model: Annotated[str, Meta(description="Name of a MachineLearningModel.", pattern=patterns.LABEL, max_length=54)]
    weight: Annotated[int, Meta(description="Share of the traffic: weight / sum of all weights.", ge=0, le=1000000)] = 1
    instances: Annotated[int, Meta(description="Number of pods; 0 only with weight 0.", ge=0, le=1000)] = 1
    cpus: Annotated[WrittenQuantity, Meta(description="CPU request.")] = "1"
    memory: Annotated[WrittenQuantity, Meta(description="Memory request and limit.")] = "1Gi"
    size: Annotated[WrittenQuantity, Meta(description="Storage for the unpacked artifact.")] = "1Gi"
    resources: WrittenResources = field(default_factory=dict)
    node_selector: NodeSelector = field(default_factory=dict)
    tolerations: Tolerations = ()
    path: Annotated[
        str,
        Meta(
            description="Node directory for the artifact, below a prefix that the operator allows.",
            pattern=patterns.DIRECTORY,
            max_length=1024,
        ),
    ] = ""
    storage_class: Annotated[
        str, Meta(description="StorageClass of a claim for the artifact.", pattern=patterns.SUBDOMAIN, max_length=253)
    ] = ""

    access_mode: Annotated[
        AccessMode,
        Meta(
            description="With storageClass. ReadWriteOnce: each pod has its own claim and fetches the artifact itself. "
            "ReadWriteMany, if the class supports it: all pods of a version share one, and one of them fetches."
        ),
    ] = "ReadWriteOnce"

    def __post_init__(self) -> None:
        """Hold quantities as strings, however they were written."""
        normalize_quantities(self)


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
