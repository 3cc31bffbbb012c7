"""Object metadata: identity, owner references, labels, and managedFields (who set which field).

Decodes bytes and keeps only what decisions need.
"""

import sys
from datetime import datetime

import msgspec
from msgspec import Struct, field

from mlendpoints.api import labels
from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.meta import OwnerReference
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.world import Child, Ref

_ROOTS = ((Endpoint.KIND, labels.ENDPOINT), (MLModel.KIND, labels.MLMODEL))


class ManagedFields(Struct, frozen=True):
    """One entry of ``metadata.managedFields`` (KEP-555)."""

    manager: str = ""
    subresource: str = ""
    time: str = ""
    fields: msgspec.Raw = field(name="fieldsV1", default_factory=lambda: msgspec.Raw(b"{}"))


class Metadata(Struct, frozen=True, rename="camel"):
    """The part of ObjectMeta that projections need."""

    name: str
    uid: str
    resource_version: str
    namespace: str = ""
    generation: int = 0
    deletion_timestamp: str | None = None
    finalizers: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: tuple[OwnerReference, ...] = ()
    managed_fields: tuple[ManagedFields, ...] = ()

    @property
    def controller(self) -> str:
        """Uid of the controlling owner; empty if there is none."""
        return next((owner.uid for owner in self.owner_references if owner.controller), "")

    @property
    def is_ours(self) -> bool:
        """Whether it carries the operator's label."""
        return self.labels.get(labels.MANAGED_BY) == labels.MANAGER


class Condition(Struct, frozen=True, rename="camel"):
    """One entry of ``status.conditions`` of any kind."""

    type: str
    status: str = "Unknown"
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None


class Envelope(Struct, frozen=True):
    """An object of any kind."""

    metadata: Metadata


def make_ref(kind: str, metadata: Metadata) -> Ref:
    """The reference to the object, with its names interned."""
    return Ref(kind, sys.intern(metadata.namespace), sys.intern(metadata.name))


def make_child(kind: str, metadata: Metadata) -> Child:
    """The fields that children of all kinds have."""
    ours = [entry for entry in metadata.managed_fields if entry.manager == labels.MANAGER and not entry.subresource]
    return Child(
        ref=make_ref(kind, metadata),
        uid=metadata.uid,
        resource_version=metadata.resource_version,
        controller=metadata.controller,
        is_ours=metadata.is_ours,
        orphan_of=_orphan_of(metadata),
        deleting=metadata.deletion_timestamp is not None,
        finalizers=tuple(sys.intern(finalizer) for finalizer in metadata.finalizers),
        manifest_hash=metadata.annotations.get(labels.MANIFEST_HASH, ""),
        version=sys.intern(metadata.labels.get(labels.MODEL_VERSION, "")),
        fields=_fields(ours),
        written=max((epoch(entry.time) for entry in ours), default=0.0),
        builder=sys.intern(metadata.annotations.get(labels.BUILDER, "")),
    )


def _orphan_of(metadata: Metadata) -> Ref | None:
    if metadata.owner_references or not metadata.is_ours or labels.MANIFEST_HASH not in metadata.annotations:
        return None
    named = ((kind, metadata.labels.get(label)) for kind, label in _ROOTS)
    return next((Ref(kind, metadata.namespace, name) for kind, name in named if name), None)


def epoch(time: str | None) -> float:
    """An RFC 3339 time in seconds since the epoch; 0.0 for None."""
    return datetime.fromisoformat(time).timestamp() if time else 0.0


def _fields(entries: list[ManagedFields]) -> str:
    """Our field sets as compact JSON: one for each of our entries (POST and apply each leave one)."""
    return sys.intern(msgspec.json.encode([_field_set(entry) for entry in entries]).decode())


def _field_set(entry: ManagedFields) -> Manifest:
    """A field set without owner references, whose uids would make each one unique and interning useless."""
    fields: Manifest = msgspec.json.decode(entry.fields)
    fields.get("f:metadata", {}).pop("f:ownerReferences", None)
    return fields
