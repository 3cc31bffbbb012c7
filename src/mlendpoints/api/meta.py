"""What all kinds share: object metadata, conditions, the group's name."""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

GROUP = "mlendpoints.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"


class Value(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A part of an object: immutable, camelCase on the wire, defaults left out."""


class OwnerReference(Value, frozen=True, kw_only=True):
    """A reference to the object whose deletion also deletes this one."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool = False
    block_owner_deletion: bool = False


class ObjectMeta(Value, frozen=True, kw_only=True):
    """The part of Kubernetes' ObjectMeta that the operator reads."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None
    finalizers: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    owner_references: tuple[OwnerReference, ...] = ()

    @property
    def controller(self) -> OwnerReference | None:
        """The owner that manages this object, if any."""
        return next((owner for owner in self.owner_references if owner.controller), None)


class Condition(Value, frozen=True, kw_only=True):
    """One aspect of an object's state, as in Kubernetes' API conventions; True is good."""

    type: Annotated[str, Meta(description="The aspect.", max_length=64)]
    status: Annotated[Literal["True", "False", "Unknown"], Meta(description="True is good.")]
    reason: Annotated[str, Meta(description="Why, as one word from a closed list.", min_length=1, max_length=64)]
    message: Annotated[str, Meta(description="What, where, and how to fix it.", max_length=4096)] = ""
    last_transition_time: Annotated[
        str, Meta(description="When the status last changed.", extra_json_schema={"format": "date-time"})
    ]
    observed_generation: Annotated[int, Meta(description="The generation that this condition is about.", ge=0)] = 0
