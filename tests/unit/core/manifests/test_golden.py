from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from mlendpoints.core.canonical import Manifest
from tests.unit.core.manifests.made import CASES, GOLDEN, made, requested

PRESENCE = "x-amzn-sagemaker-target-variant"  # Istio's way to ask whether a header is there is an empty match


def values(node: object, key: str = "") -> Iterator[tuple[str, Any]]:
    yield key, node
    if isinstance(node, dict):
        for name, value in node.items():
            yield from values(value, name)
    if isinstance(node, list):
        for value in node:
            yield from values(value, key)


ALL = [
    pytest.param(manifest, id=f"{case}-{manifest['kind']}-{manifest['metadata']['name']}")
    for case in CASES
    for manifest in made(requested(case))
]


@pytest.mark.parametrize("case", CASES)
def test_what_is_asked_comes_to_the_golden_manifests(case: str) -> None:
    expected = list(yaml.safe_load_all((GOLDEN / case / "made.yaml").read_text()))
    assert expected == made(requested(case))


@pytest.mark.parametrize("manifest", ALL)
def test_no_empty_value_is_written_that_the_api_server_would_drop(manifest: Manifest) -> None:
    empty = [key for key, value in values(manifest) if value in ("", None) or (value in ({}, []) and key != PRESENCE)]
    assert empty == []


@pytest.mark.parametrize("manifest", ALL)
def test_nothing_carries_a_status(manifest: Manifest) -> None:
    assert set(manifest) == {"apiVersion", "kind", "metadata", "spec"}


@pytest.mark.parametrize("manifest", ALL)
def test_all_but_cluster_scoped_objects_have_one_controller(manifest: Manifest) -> None:
    owners = manifest["metadata"].get("ownerReferences", [])
    expected = [] if manifest["kind"] == "PersistentVolume" else [True]
    assert expected == [owner["controller"] for owner in owners]


@pytest.mark.parametrize("manifest", ALL)
def test_no_label_or_annotation_of_a_template_is_copied(manifest: Manifest) -> None:
    keys = {key for key, _ in values(manifest)}
    assert not keys & {"team", "note"}


@pytest.mark.parametrize("manifest", ALL)
def test_labels_are_valid(manifest: Manifest) -> None:
    assert all(0 < len(value) <= 63 for value in manifest["metadata"]["labels"].values())
