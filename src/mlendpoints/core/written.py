"""What writes leave behind: children as the cache has them once it has observed a write, and whole manifests.

The counterpart of ``drift``. Nothing here decides; ``preview`` plays a plan with it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from mlendpoints.api import labels
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.changes import by_key
from mlendpoints.core.routes import parse_routes
from mlendpoints.core.world import Child, JobFacts, Ref

DEPLOYMENT, VIRTUAL_SERVICE = "Deployment", "VirtualService"
_KEYED = frozenset({DEPLOYMENT, "Service", "Job"})  # their lists are merged by keys; those of others are one value


def written_child(ref: Ref, manifest: Manifest, before: Child | None, *, now: float) -> Child:
    """The projection of an object once this manifest was written; ``before``: the object that it replaces."""
    metadata = manifest["metadata"]
    annotations, known = metadata.get("annotations", {}), metadata.get("labels", {})
    child = before or Child(ref=ref, uid=new_uid(ref), resource_version="0")
    return replace(
        child,
        controller=controller_of(manifest) or child.controller,
        is_ours=known.get(labels.MANAGED_BY) == labels.MANAGER,
        manifest_hash=annotations.get(labels.MANIFEST_HASH, ""),
        version=known.get(labels.MODEL_VERSION, ""),
        fields=field_set(manifest),
        written=now,
        builder=annotations.get(labels.BUILDER, ""),
        replicas=manifest.get("spec", {}).get("replicas", child.replicas),
        requested=annotations.get(labels.REQUESTED, child.requested),
        current=ref.kind != DEPLOYMENT,
        newest_ready=0,
        job=JobFacts() if ref.kind == "Job" else None,
        routes=parse_routes(manifest) if ref.kind == VIRTUAL_SERVICE else None,
    )


def new_uid(ref: Ref) -> str:
    """In place of the uid that the API server will choose."""
    return f"new:{ref.kind}/{ref.namespace}/{ref.name}"


def controller_of(manifest: Manifest) -> str:
    """The uid of the controlling owner; empty if there is none."""
    owners = manifest["metadata"].get("ownerReferences", ())
    return str(next((owner["uid"] for owner in owners if owner.get("controller")), ""))


def field_set(manifest: Manifest) -> str:
    """All fields of a manifest in FieldsV1 form, items of lists by all of their plain values."""
    own = {f"f:{name}": _field_set(value) for name, value in manifest.items() if name != "status"}
    own.get("f:metadata", {}).pop("f:ownerReferences", None)
    return msgspec.json.encode([own]).decode()


def _field_set(value: Any) -> Manifest:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        return {f"f:{name}": _field_set(part) for name, part in value.items()}
    return dict(_member(item) for item in value) if isinstance(value, list) else {}


def _member(item: Any) -> tuple[str, Manifest]:  # noqa: ANN401 - any JSON value
    if not isinstance(item, Mapping):
        return f"v:{_json(item)}", {}
    key = {name: value for name, value in item.items() if not isinstance(value, Mapping | list)}
    return f"k:{_json(key)}", _field_set(item)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def applied(live: Manifest, manifest: Manifest, fields: str) -> Manifest:
    """The live object once the manifest is applied to it (server-side apply).

    Fields of others stay; ``fields``, those that are ours in FieldsV1 form, go unless the manifest has them.
    """
    sets = msgspec.json.decode(fields or "[]")
    own = sets if isinstance(sets, list) else [sets]
    keyed = manifest["kind"] in _KEYED
    kept: Manifest = _without(live, manifest, own, keyed=keyed)
    merged: Manifest = _merged(kept, manifest, keyed=keyed)
    return merged


def _without(live: Any, manifest: Any, own: list[Manifest], *, keyed: bool) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(live, Mapping) and isinstance(manifest, Mapping):
        gone = {key for key in live if key not in manifest and any(f"f:{key}" in entry for entry in own)}
        below = {key: [entry[f"f:{key}"] for entry in own if f"f:{key}" in entry] for key in live}
        rest = [key for key in live if key not in gone]
        return {key: _without(live[key], manifest.get(key), below[key], keyed=keyed) for key in rest}
    before, after = by_key(live), by_key(manifest)
    if before is None or after is None or not keyed:
        return live
    ours = {key: [entry[k] for entry in own for k in entry if _is_key_of(k, item)] for key, item in before.items()}
    rest = [key for key in before if key in after or not ours[key]]
    return [_without(before[key], after.get(key), ours[key], keyed=keyed) for key in rest]


def _is_key_of(key: str, item: Mapping[str, Any]) -> bool:
    if not key.startswith("k:"):
        return False
    values: Manifest = msgspec.json.decode(key.removeprefix("k:"))
    return all(item.get(name) == value for name, value in values.items())


def _merged(live: Any, manifest: Any, *, keyed: bool) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(live, Mapping) and isinstance(manifest, Mapping):
        return {**live, **{key: _merged(live.get(key), value, keyed=keyed) for key, value in manifest.items()}}
    before, after = by_key(live), by_key(manifest)
    if before is None or after is None or not keyed:
        return manifest
    both = {**before, **{key: _merged(before.get(key), item, keyed=keyed) for key, item in after.items()}}
    return list(both.values())


def merge_patched(before: Any, patch: Any) -> Any:  # noqa: ANN401 - any JSON value
    """A merge patch (RFC 7396), carried out."""
    if not isinstance(patch, Mapping):
        return patch
    kept = before if isinstance(before, Mapping) else {}
    rest = {key: value for key, value in kept.items() if key not in patch}
    return rest | {key: merge_patched(kept.get(key), value) for key, value in patch.items() if value is not None}
