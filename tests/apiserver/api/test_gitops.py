"""What Git holds is what the cluster holds, as Argo CD's default comparison sees it.

It merges what was written into what is stored, as ``kubectl apply`` would (RFC 7396: a list is one value), and takes
the object for out of sync where that changes anything.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlendpoints.api.meta import API_VERSION
from tests.kit.sync_client import KIND_NAMES, Object, SyncClient

ROOT = Path(__file__).parents[3]
SHORT_NAMES = {kind: short for short, kind in KIND_NAMES.items()}
_PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
_YAML_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def _sources() -> Iterator[tuple[Path, str]]:
    for path in sorted((ROOT / "examples").rglob("*.y*ml")):
        yield path, path.read_text()
    for path in _PAGES:
        for block in _YAML_BLOCK.findall(path.read_text()):
            yield path, block


def _written() -> list[Any]:
    return [
        pytest.param(document, id=f"{path.relative_to(ROOT)}: {document['kind']} {document['metadata']['name']}")
        for path, text in _sources()
        for document in yaml.safe_load_all(text)
        if isinstance(document, dict) and document.get("apiVersion") == API_VERSION
    ]


def _merged(stored: Any, written: Any) -> Any:  # noqa: ANN401 - any JSON value
    if not isinstance(stored, dict) or not isinstance(written, dict):
        return written
    return stored | {key: _merged(stored.get(key), value) for key, value in written.items()}


@pytest.mark.parametrize("written", _written())
def test_what_is_stored_is_in_sync_with_what_was_written(written: Object, server: SyncClient, namespace: str) -> None:
    moved = written | {"metadata": written["metadata"] | {"namespace": namespace}}

    stored = server.create(SHORT_NAMES[written["kind"]], moved).raise_for_status().json()

    assert _merged(stored, moved) == stored


def test_every_kind_is_looked_at() -> None:
    assert {document.values[0]["kind"] for document in _written()} == set(SHORT_NAMES)


def test_a_variant_of_a_name_and_a_model_is_stored_as_that(server: SyncClient, namespace: str) -> None:
    models = [{"name": "blue", "model": "titanic", "tolerations": [{"key": "gpu", "value": "yes"}]}]
    config = {"metadata": {"name": "titanic", "namespace": namespace}, "spec": {"models": models}}

    assert server.create("mlec", config).json()["spec"] == {"models": models}
