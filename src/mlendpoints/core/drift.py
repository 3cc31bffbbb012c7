"""Drift: whether a child differs from its manifest, judged from its projection, and the one write that repairs it.

Two things show it: the hash of the manifest that was last written (an annotation),
and the fields that the API server still counts as ours (``managedFields``): a
foreign edit takes over the ownership of a field. No live object is compared, so the
cache needs none. ``spec.replicas`` stays out of both: scaling is a write of its
own and touches nothing else.
"""

import base64
import hashlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from mlendpoints.api import labels
from mlendpoints.api.declared import atomic_copies
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.model import Model, ModelServer
from mlendpoints.api.pod_settings import PodSettings
from mlendpoints.api.structural import atomic_lists, make_schema
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.deployment import BUILDER
from mlendpoints.core.plan import Apply, Create, Scale, Write
from mlendpoints.core.world import Child, Ref


class Owned(Struct, frozen=True, kw_only=True):
    """What the API server counts as ours below a field: fields by name, items of a list by key, members of a set."""

    fields: dict[str, "Owned"]
    items: dict[str, "Owned"]  # by their keys, as JSON
    keys: tuple[tuple[str, ...], ...]  # the names in these keys
    members: frozenset[str]  # as JSON
    whole: bool  # an item that counts as one value has nothing below it


_RECORDS = frozenset({EndpointConfig.KIND, Model.KIND})  # instances: the API server rejects any change but replicas
_TURNING = frozenset({"Gateway", "VirtualService"})  # an older view would send callers back to pods that are gone
_NOT_COMPARED = frozenset({"ownerReferences", "finalizers", "name", "namespace"})

# Fields that the API server counts as one value. A set without members below any other field says
# only that we once wrote the field itself.
_ATOMIC = {
    "Deployment": frozenset(
        {
            *("accessModes", "drop", "selector", "configMapKeyRef", "secretKeyRef", "fieldRef"),
            "requiredDuringSchedulingIgnoredDuringExecution",
        }
    )
    | atomic_copies(ModelServer, PodSettings),
    "Service": frozenset({"selector"}),
    "NetworkPolicy": frozenset({"ingress", "podSelector", "policyTypes"}),
    "PodMonitor": frozenset({"selector", "podMetricsEndpoints"}),
    "PersistentVolume": frozenset({"accessModes", "required"}),
    "PersistentVolumeClaim": frozenset({"accessModes"}),
    "Gateway": frozenset({"servers"}),
    "VirtualService": frozenset({"gateways", "hosts", "http"}),
    **{kind.KIND: atomic_lists(make_schema(kind)["properties"]["spec"]) for kind in (Model, EndpointConfig)},
}


def manifest_hash(manifest: Manifest) -> str:
    """16 characters that change with the manifest; without replicas and without the hash itself."""
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "annotations"}
    spec = {key: value for key, value in manifest["spec"].items() if key != "replicas"}
    content = manifest | {"metadata": metadata | {"annotations": _annotations(manifest)}, "spec": spec}
    digest = hashlib.sha256(msgspec.json.encode(content, order="sorted")).digest()
    return base64.b32encode(digest).decode().lower()[:16]


def _annotations(manifest: Manifest) -> dict[str, str]:
    annotations: dict[str, str] = manifest["metadata"].get("annotations", {})
    return {key: value for key, value in annotations.items() if key != labels.MANIFEST_HASH}


def stamped(manifest: Manifest) -> Manifest:
    """The manifest with its hash in an annotation."""
    return _stamped(manifest, manifest_hash(manifest))


def _stamped(manifest: Manifest, digest: str) -> Manifest:
    annotations = _annotations(manifest) | {labels.MANIFEST_HASH: digest}
    return manifest | {"metadata": manifest["metadata"] | {"annotations": annotations}}


def ref_of(manifest: Manifest) -> Ref:
    """The reference to a manifest's object; the namespace of a cluster-scoped one is empty."""
    metadata = manifest["metadata"]
    return Ref(manifest["kind"], metadata.get("namespace", ""), metadata["name"])


def write_for(manifest: Manifest, child: Child | None) -> Write | None:
    """The write that makes the child match the manifest; None if there is nothing to do, or nothing to do yet.

    An object that is being deleted blocks its name: it is awaited. A pod
    template of another builder is left unchanged: an upgrade restarts no pods.
    """
    if child is None:
        return Create(ref_of(manifest), stamped(manifest))
    if child.deleting or child.ref.kind in _RECORDS:
        return None
    if not _is_as_written(manifest, child):
        version = child.resource_version if child.ref.kind in _TURNING else ""
        return Apply(child.ref, stamped(manifest), child.uid, version)
    return scale_for(manifest, child)


def _is_as_written(manifest: Manifest, child: Child) -> bool:
    if child.ref.kind == "Deployment" and _is_of_another_builder(manifest, child):
        return True
    digest = manifest_hash(manifest)
    return child.manifest_hash == digest and covers(child.fields, _stamped(manifest, digest))


def _is_of_another_builder(manifest: Manifest, child: Child) -> bool:
    """By its annotation, unless that was edited or removed: the hash shows what was written last."""
    if child.builder == BUILDER or child.manifest_hash == manifest_hash(manifest):
        return False
    return bool(child.builder or child.manifest_hash)


def scale_for(manifest: Manifest, child: Child) -> Write | None:
    """The write that scales the child to the replicas of the manifest; None if it has them, or if none are given."""
    replicas = manifest["spec"].get("replicas")
    return None if replicas is None or replicas == child.replicas else Scale(child, replicas)


def covers(fields: str, manifest: Manifest) -> bool:
    """Whether every field of the manifest is still ours.

    ``fields`` is JSON: a set in FieldsV1 form, or a list of such sets, of which
    any may hold a field. Owner references, finalizers and replicas are left
    out: their own writes take care of them.
    """
    metadata = {key: value for key, value in manifest["metadata"].items() if key not in _NOT_COMPARED}
    spec = {key: value for key, value in manifest["spec"].items() if key != "replicas"}
    atomic = _ATOMIC.get(manifest["kind"], frozenset())
    return _is_ours({"metadata": metadata, "spec": spec}, _owned(fields), atomic)


@lru_cache(maxsize=1024)  # objects of one shape share their sets
def _owned(fields: str) -> Owned:
    decoded = msgspec.json.decode(fields or "[]")
    return _merged(decoded if isinstance(decoded, list) else [decoded])


def _merged(sets: list[dict[str, Any]]) -> Owned:
    """Sets in FieldsV1 form, of which any may hold a field."""
    below = {key: [entry[key] for entry in sets if key in entry] for entry in sets for key in entry}
    items = {key: values for key, values in below.items() if key.startswith("k:")}
    return Owned(
        fields={key.removeprefix("f:"): _merged(values) for key, values in below.items() if key.startswith("f:")},
        items={key.removeprefix("k:"): _merged(values) for key, values in items.items()},
        keys=tuple({tuple(_key_values(key)): None for key in items}),
        members=frozenset(key.removeprefix("v:") for key in below if key.startswith("v:")),
        whole={} in sets,
    )


def _is_ours(value: Manifest, owned: Owned, atomic: frozenset[str]) -> bool:
    """A plain loop: a large part of what the plan of an endpoint costs."""
    for name, field in value.items():
        below = owned.fields.get(name)
        if below is None:
            return False
        if name in atomic:
            continue
        if isinstance(field, dict):
            if not _is_ours(field, below, atomic):
                return False
        elif isinstance(field, list):
            for item in field:
                if not _item_is_ours(item, below, atomic):
                    return False
    return True


def _item_is_ours(item: object, owned: Owned, atomic: frozenset[str]) -> bool:
    if not isinstance(item, dict):
        return msgspec.json.encode(item).decode() in owned.members
    return any(below.whole or _is_ours(item, below, atomic) for below in _below(item, owned))


def _below(item: Manifest, owned: Owned) -> Iterator[Owned]:
    """The entries of an item of a list; the server may have completed its key, such as by ``"protocol":"TCP"``."""
    for names in owned.keys:
        exact = {name: item[name] for name in names if name in item}
        found = owned.items.get(msgspec.json.encode(exact).decode())
        if found is not None:
            yield found
            return
    for key, below in owned.items.items():
        if all(item.get(name, value) == value for name, value in _key_values(key).items()):
            yield below


@lru_cache(maxsize=1024)
def _key_values(key: str) -> Manifest:
    values: Manifest = msgspec.json.decode(key.removeprefix("k:"))
    return values
