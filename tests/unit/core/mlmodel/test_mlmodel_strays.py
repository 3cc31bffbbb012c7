"""Copies of an MLModel's Service and Deployment are pruned once it is ready; nothing else is."""

import json
from collections.abc import Callable

import pytest

from mlendpoints.api import labels
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.world import Ref
from tests.kit import builders
from tests.simulation import Stored
from tests.simulation_mlmodel import Namespace

COPIED = ("Deployment", "Service")


def serving() -> Namespace:
    return Namespace(builders.an_mlmodel()).settle()


def copied(namespace: Namespace, kind: str, change: Callable[[Manifest], None] = lambda _metadata: None) -> Ref:
    """A copy under another name, with all labels, annotations and owners."""
    manifest = json.loads(json.dumps(namespace.objects[Ref(kind, builders.NAMESPACE, "titanic")].manifest))
    manifest["metadata"]["name"] = "copy"
    change(manifest["metadata"])
    copy = Ref(kind, builders.NAMESPACE, "copy")
    namespace.objects[copy] = Stored(manifest, "uid-of-copy", 1)
    return copy


@pytest.mark.parametrize("kind", COPIED)
def test_a_copy_is_pruned_and_nothing_else(kind: str) -> None:
    namespace = serving()
    before = set(namespace.objects)
    copied(namespace, kind)
    namespace.settle()
    assert set(namespace.objects) == before
    assert not namespace.reconcile()


@pytest.mark.parametrize("kind", COPIED)
def test_a_copy_stays_while_the_model_is_not_ready(kind: str) -> None:
    namespace = serving()
    copy = copied(namespace, kind)
    namespace.bad_images.add("registry.example.com/titanic:2")
    namespace.edit(image="registry.example.com/titanic:2")
    namespace.settle()
    assert copy in namespace.objects


def without_our_label(metadata: Manifest) -> None:
    metadata["labels"][labels.MANAGED_BY] = "Helm"


def with_another_owner(metadata: Manifest) -> None:
    metadata["ownerReferences"][0]["uid"] = "uid-of-another"


@pytest.mark.parametrize("change", [without_our_label, with_another_owner], ids=lambda change: change.__name__)
@pytest.mark.parametrize("kind", COPIED)
def test_an_object_of_others_stays(kind: str, change: Callable[[Manifest], None]) -> None:
    namespace = serving()
    copy = copied(namespace, kind, change)
    namespace.settle()
    assert copy in namespace.objects
