"""The settings of a version's pods that a config's variant and an MLModel share, each declared once: here.

A field that is added to ``PodSettings`` is in the CRDs of all three kinds of version, in docs/reference/api.md, in
the hash of versions (unless it has its default: no existing version changes), and frozen with the version. With
``IN_POD`` or ``IN_CONTAINER`` (see ``declared``) it is in the pods as well; whatever needs more than a copy is a
function in ``core/manifests``. Rules between fields are in ``rules``.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct, field
from msgspec.structs import force_setattr

from mlendpoints.api import patterns
from mlendpoints.api.capture import Capture
from mlendpoints.api.declared import ATOMIC, IN_POD, QUANTITY, quantity_fields
from mlendpoints.api.meta import Value

Quantity = Annotated[
    str, Meta(pattern=patterns.QUANTITY, max_length=32, description="A Kubernetes quantity, such as 500m or 1Gi.")
]
AccessMode = Literal["ReadWriteOnce", "ReadWriteMany"]
LabelValue = Annotated[str, Meta(max_length=63)]

if TYPE_CHECKING:
    WrittenQuantity = str
else:  # Users write `cpus: 1` as well as `cpus: "1"`; a struct has it as a string either way.
    WrittenQuantity = Annotated[Quantity | Annotated[int, Meta(ge=0, le=2**53)], QUANTITY]


class Toleration(Value, frozen=True, kw_only=True):
    """A taint that the pods tolerate, as in Kubernetes' PodSpec."""

    key: Annotated[str, Meta(description="The taint's key; empty: all keys.", max_length=316)] = ""
    operator: Annotated[Literal["Exists", "Equal"], Meta(description="How key and value are compared.")] = "Equal"
    value: Annotated[str, Meta(description="The taint's value.", max_length=63)] = ""
    effect: Annotated[
        Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"], Meta(description="The taint's effect; empty: all.")
    ] = ""


class PodSettings(Value, frozen=True, kw_only=True):
    """Size, placement and storage of the pods of one version."""

    cpus: Annotated[WrittenQuantity, Meta(description="CPU request.")] = "1"
    memory: Annotated[WrittenQuantity, Meta(description="Memory request and limit.")] = "1Gi"
    size: Annotated[WrittenQuantity, Meta(description="Storage for the unpacked artifact.")] = "1Gi"
    resources: Annotated[
        Mapping[str, WrittenQuantity],
        Meta(description="Further resources, such as nvidia.com/gpu: 1.", max_length=16),
        QUANTITY,
    ] = field(default_factory=dict)
    node_selector: Annotated[
        Mapping[str, LabelValue], Meta(description="Labels of the nodes to run on.", max_length=16), IN_POD, ATOMIC
    ] = field(default_factory=dict)
    tolerations: Annotated[
        tuple[Toleration, ...], Meta(description="Taints that the pods tolerate.", max_length=16), IN_POD, ATOMIC
    ] = ()
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
    capture: Annotated[
        Capture | None, Meta(description="Records requests and responses, and ships them to a store; unset: off.")
    ] = None


def quantities_as_strings(written: Struct) -> None:
    """Converts all quantities of a new struct to strings, however they were written."""
    for name in quantity_fields(type(written)):
        value = getattr(written, name)
        by_name = isinstance(value, Mapping)
        text = {key: str(amount) for key, amount in value.items()} if by_name else str(value)
        force_setattr(written, name, text)
