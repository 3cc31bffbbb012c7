import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlendpoints.api import labels
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.drift import covers, manifest_hash, ref_of, stamped, write_for
from mlendpoints.core.manifests.deployment import BUILDER
from mlendpoints.core.plan import Apply, Create, Scale
from mlendpoints.core.world import Child
from tests.unit.core.manifests.made import made, requested

SERVICE: Manifest = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "a", "namespace": "b", "labels": {"x": "y"}, "ownerReferences": [{"uid": "o"}]},
    "spec": {"selector": {"x": "y"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
}
SERVICE_FIELDS: dict[str, Any] = {
    "f:metadata": {"f:annotations": {f"f:{labels.MANIFEST_HASH}": {}}, "f:labels": {"f:x": {}}},
    "f:spec": {
        "f:selector": {},
        "f:ports": {
            ".": {},
            'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:name": {}, "f:port": {}, "f:targetPort": {}},
        },
    },
}
DEPLOYMENT = next(m for m in made(requested("titanic")) if m["kind"] == "Deployment")
INSTANCE = next(m for m in made(requested("titanic")) if m["kind"] == "MachineLearningModel")
REPLICAS = DEPLOYMENT["spec"]["replicas"]

KEYS = ("name", "mountPath", "containerPort", "port")
GRANULAR = ("ports", "containers", "initContainers", "env", "volumes", "volumeMounts", "imagePullSecrets")
ATOMIC_MAPS = ("selector", "nodeSelector")


def fields_of(value: object, name: str = "") -> dict[str, Any]:
    """The set that the API server would keep for an applied Deployment."""
    if isinstance(value, dict) and name not in ATOMIC_MAPS:
        return {f"f:{key}": fields_of(item, key) for key, item in value.items()}
    if isinstance(value, list) and name in GRANULAR:
        return {key_of(item): {".": {}} | fields_of(item) for item in value}
    return {}


def key_of(item: dict[str, Any]) -> str:
    key = next(key for key in ("mountPath", *KEYS) if key in item and (key != "name" or "containerPort" not in item))
    return "k:" + json.dumps({key: item[key]}, separators=(",", ":"))


def leaves(node: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, below in node.items():
        inner = [(name, *path) for path in leaves(below)] if name != "." else []
        yield from inner or ([(name,)] if name != "." else [])


def without(fields: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    left = copy.deepcopy(fields)
    node = left
    for name in path[:-1]:
        node = node[name]
    del node[path[-1]]
    return left


def child(manifest: Manifest, **facts: Any) -> Child:  # noqa: ANN401 - any fact of a child
    ours = {
        "ref": ref_of(manifest),
        "uid": "uid",
        "resource_version": "1",
        "manifest_hash": manifest_hash(manifest),
        "fields": json.dumps(DEPLOYMENT_FIELDS if manifest["kind"] == "Deployment" else SERVICE_FIELDS),
        "builder": BUILDER if manifest["kind"] == "Deployment" else "",
        "replicas": manifest["spec"].get("replicas"),
    }
    return Child(**(ours | facts))


def owned(manifest: Manifest) -> dict[str, Any]:
    metadata = {"annotations": manifest["metadata"]["annotations"], "labels": manifest["metadata"]["labels"]}
    spec = {key: value for key, value in manifest["spec"].items() if key != "replicas"}
    return fields_of({"metadata": metadata, "spec": spec})


DEPLOYMENT_FIELDS = owned(stamped(DEPLOYMENT))


def test_a_manifest_is_covered_when_every_field_is_ours() -> None:
    assert covers(json.dumps(SERVICE_FIELDS), stamped(SERVICE))


def test_a_whole_pod_is_covered_by_the_fields_of_its_apply() -> None:
    assert covers(json.dumps(DEPLOYMENT_FIELDS), stamped(DEPLOYMENT))


@given(st.sampled_from(sorted(leaves(DEPLOYMENT_FIELDS))))
def test_any_field_that_somebody_else_took_is_missed(path: tuple[str, ...]) -> None:
    assert not covers(json.dumps(without(DEPLOYMENT_FIELDS, path)), stamped(DEPLOYMENT))


def test_fields_may_be_ours_by_several_entries() -> None:
    created, applied = {"f:metadata": SERVICE_FIELDS["f:metadata"]}, {"f:spec": SERVICE_FIELDS["f:spec"]}
    assert covers(json.dumps([created, applied]), stamped(SERVICE))


def test_without_an_entry_of_ours_nothing_is_covered() -> None:
    assert not covers("", SERVICE)


def test_a_parent_that_lost_its_last_field_does_not_pass_for_a_whole() -> None:
    emptied = without(SERVICE_FIELDS, ("f:metadata", "f:labels", "f:x"))
    assert emptied["f:metadata"]["f:labels"] == {}
    assert not covers(json.dumps(emptied), stamped(SERVICE))


def test_a_port_is_found_by_the_keys_that_we_write() -> None:
    other = {'k:{"port":81,"protocol":"TCP"}': SERVICE_FIELDS["f:spec"]["f:ports"]['k:{"port":80,"protocol":"TCP"}']}
    assert not covers(json.dumps({**SERVICE_FIELDS, "f:spec": {"f:selector": {}, "f:ports": other}}), stamped(SERVICE))


def test_the_hash_is_the_same_for_the_same_meaning() -> None:
    turned = dict(reversed(SERVICE.items()))
    assert manifest_hash(SERVICE) == manifest_hash(turned) == manifest_hash(stamped(SERVICE))


def test_the_hash_knows_no_replicas() -> None:
    scaled = DEPLOYMENT | {"spec": DEPLOYMENT["spec"] | {"replicas": REPLICAS + 1}}
    assert manifest_hash(DEPLOYMENT) == manifest_hash(scaled)


@pytest.mark.parametrize("part", ["apiVersion", "metadata", "spec"])
def test_the_hash_changes_with_every_part(part: str) -> None:
    other = {"apiVersion": "v2"} if part == "apiVersion" else {part: SERVICE[part] | {"labels": {"x": "z"}}}
    assert manifest_hash(SERVICE) != manifest_hash(SERVICE | other)


def test_what_is_absent_is_created_with_its_hash() -> None:
    assert write_for(SERVICE, None) == Create(ref_of(SERVICE), stamped(SERVICE))


def test_what_is_as_written_gets_no_write() -> None:
    assert write_for(SERVICE, child(SERVICE)) is None


def test_what_is_being_deleted_is_waited_for() -> None:
    assert write_for(SERVICE, child(SERVICE, deleting=True, manifest_hash="old")) is None


def test_what_shall_be_otherwise_is_applied() -> None:
    assert write_for(SERVICE, child(SERVICE, manifest_hash="old")) == Apply(ref_of(SERVICE), stamped(SERVICE), "uid")


def test_routes_are_applied_to_the_version_that_was_observed_and_to_nothing_newer() -> None:
    routes = SERVICE | {"kind": "VirtualService"}
    write = write_for(routes, child(routes, manifest_hash="old", resource_version="7"))
    assert write == Apply(ref_of(routes), stamped(routes), "uid", "7")


def test_what_somebody_edited_is_applied() -> None:
    assert write_for(SERVICE, child(SERVICE, fields="[]")) == Apply(ref_of(SERVICE), stamped(SERVICE), "uid")


def test_another_number_of_pods_is_a_scale_and_touches_nothing_else() -> None:
    smaller = child(DEPLOYMENT, replicas=REPLICAS - 1)
    assert write_for(DEPLOYMENT, smaller) == Scale(smaller, REPLICAS)


def test_a_pod_of_an_earlier_builder_is_left_alone() -> None:
    assert write_for(DEPLOYMENT, child(DEPLOYMENT, builder="0", manifest_hash="old", fields="[]")) is None


@pytest.mark.parametrize("builder", ["", "7"])
def test_an_annotation_edited_by_hand_does_not_switch_off_repair(builder: str) -> None:
    """The hash still says that today's builder wrote it."""
    assert isinstance(write_for(DEPLOYMENT, child(DEPLOYMENT, builder=builder)), Apply) is False
    assert isinstance(write_for(DEPLOYMENT, child(DEPLOYMENT, builder=builder, fields="[]")), Apply)


def test_without_any_annotation_of_ours_a_deployment_is_repaired() -> None:
    assert isinstance(write_for(DEPLOYMENT, child(DEPLOYMENT, builder="", manifest_hash="", fields="[]")), Apply)


def test_a_deployment_of_an_earlier_builder_is_not_repaired_for_want_of_its_annotation() -> None:
    assert write_for(DEPLOYMENT, child(DEPLOYMENT, builder="", manifest_hash="old", fields="[]")) is None


def test_a_deployment_of_an_earlier_builder_is_still_scaled() -> None:
    old = child(DEPLOYMENT, builder="0", manifest_hash="old", replicas=0)
    assert write_for(DEPLOYMENT, old) == Scale(old, REPLICAS)


def test_a_record_is_never_written_again() -> None:
    assert write_for(INSTANCE, child(INSTANCE, manifest_hash="old", fields="[]", replicas=7)) is None
