"""What the API server makes of every manifest: nothing is refused, dropped, rewritten or left to others."""

from collections.abc import Iterator

import pytest
import yaml

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.drift import covers
from mlendpoints.core.quantities import canonical_quantity
from tests.apiserver.manifests.objects import Objects, differences, our_fields, sent
from tests.unit.core.manifests.made import CASES, GOLDEN, asked_in, made, requested, settings_of

Key = tuple[str, str, str]  # golden case, kind, name

KEYS = [(case, manifest["kind"], manifest["metadata"]["name"]) for case in CASES for manifest in made(requested(case))]
EVERY = pytest.mark.parametrize("key", KEYS, ids="-".join)
PODS = pytest.mark.parametrize("key", [key for key in KEYS if key[1] == "Deployment"], ids="-".join)


def manifest_of(key: Key, namespace: str) -> Manifest:
    """The manifest of a golden case, moved to another namespace."""
    case, kind, name = key
    wanted = name.replace("titanic.", f"{namespace}.") if kind == "PersistentVolume" else name
    manifests = made(asked_in(_moved(case, namespace), settings=settings_of(case)))
    return sent(next(m for m in manifests if (m["kind"], m["metadata"]["name"]) == (kind, wanted)))


def _moved(case: str, namespace: str) -> Iterator[Manifest]:
    for document in yaml.safe_load_all((GOLDEN / case / "asked.yaml").read_text()):
        yield document | {"metadata": document["metadata"] | {"namespace": namespace}}


@EVERY
def test_every_field_is_stored_as_it_was_written(objects: Objects, key: Key) -> None:
    manifest = manifest_of(key, objects.namespace)
    assert differences(manifest, objects.create(manifest)) == []


@EVERY
def test_every_field_is_ours_once_it_is_created(objects: Objects, key: Key) -> None:
    manifest = manifest_of(key, objects.namespace)
    assert covers(our_fields(objects.create(manifest)), manifest)


@EVERY
def test_every_field_is_ours_once_it_is_applied(objects: Objects, key: Key) -> None:
    manifest = manifest_of(key, objects.namespace)
    assert covers(our_fields(objects.apply(manifest)), manifest)


@EVERY
def test_every_field_stays_ours_when_what_was_created_is_applied(objects: Objects, key: Key) -> None:
    manifest = manifest_of(key, objects.namespace)
    objects.create(manifest)
    applied = objects.apply(manifest)
    assert differences(manifest, applied) == []
    assert covers(our_fields(applied), manifest)


@EVERY
def test_an_apply_that_says_nothing_new_writes_nothing(objects: Objects, key: Key) -> None:
    manifest = manifest_of(key, objects.namespace)
    objects.create(manifest)
    first, second = objects.apply(manifest), objects.apply(manifest)
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


@PODS
def test_the_pod_is_admitted_where_restricted_is_enforced(objects: Objects, key: Key) -> None:
    template = manifest_of(key, objects.namespace)["spec"]["template"]
    metadata = template["metadata"] | {"name": "pod"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
    stored = objects.create(pod, dry_run=True)
    stored["spec"]["tolerations"] = stored["spec"]["tolerations"][:-2]  # every pod is given two more
    assert differences(pod, stored) == []


@pytest.mark.parametrize(
    "quantity",
    [
        "1",
        "1000m",
        "0.5",
        "1.5",
        "1024Mi",
        "1000Mi",
        "0.5Gi",
        "1.5Gi",
        "2000",
        "1000k",
        "1000T",
        "1024Ti",
        "0.3Ki",
        "1.0001Mi",
    ],
)
def test_a_quantity_is_canonical_where_the_api_server_says_so(objects: Objects, quantity: str) -> None:
    volume = manifest_of(("everything", "PersistentVolume", "titanic.large-disk0000"), objects.namespace)
    stored = objects.create(volume | {"spec": volume["spec"] | {"capacity": {"storage": quantity}}}, dry_run=True)
    assert stored["spec"]["capacity"]["storage"] == canonical_quantity(quantity)
