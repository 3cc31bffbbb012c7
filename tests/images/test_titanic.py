"""The example's artifacts are what its script makes of the inquiry's counts, and its manifests name them."""

import hashlib
import importlib.util
import json
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from images.model.server.model import Model
from images.model.server.rows import read_csv, read_json
from tests.images.processes import ARTIFACTS, ROOT, unpacked

EXAMPLE = ROOT / "examples" / "titanic"
NAMES = ["titanic-lr", "titanic-rfc"]


@pytest.fixture(scope="module")
def training() -> ModuleType:
    """``train.py`` as a module."""
    spec = importlib.util.spec_from_file_location("train", EXAMPLE / "train.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=NAMES)
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Model:
    return Model(unpacked(request.param, tmp_path))


def test_everyone_aboard_is_counted_once(training: ModuleType) -> None:
    rows, labels = training.people()
    assert len(rows) == 2201
    assert Counter(labels) == {"no": 1490, "yes": 711}
    assert Counter(row[1] for row in rows) == {"male": 1731, "female": 470}
    assert Counter(row[0] for row in rows) == {"1st": 325, "2nd": 285, "3rd": 706, "crew": 885}


def test_training_again_gives_the_same_bytes(training: ModuleType) -> None:
    made = dict(training.artifacts())
    assert made == {path.name: path.read_bytes() for path in ARTIFACTS.iterdir()}


def test_the_graph_says_what_the_trained_estimator_says(training: ModuleType, model: Model) -> None:
    estimator = training.trained(training.estimators()[model.description.name])
    rows = sorted({tuple(row) for row in training.people()[0]})
    expected = estimator.predict_proba([list(row) for row in rows])[:, 1]
    assert [each.probability for each in model.predictions(rows)] == pytest.approx(list(expected), abs=1e-4)


def test_the_models_are_better_than_guessing_that_all_drowned(training: ModuleType, model: Model) -> None:
    rows, labels = training.people()
    right = sum(each.survived == label for each, label in zip(model.predictions(rows), labels, strict=True))
    assert right / len(rows) > 1490 / 2201 + 0.05


def test_artifacts_are_small_and_hold_no_pickle(tmp_path: Path) -> None:
    assert sum(path.stat().st_size for path in ARTIFACTS.iterdir()) < 200_000
    assert {path.name for name in NAMES for path in unpacked(name, tmp_path).iterdir()} == {"model.json", "model.onnx"}


def test_the_manifests_ask_for_the_artifacts_by_digest() -> None:
    models = list(yaml.safe_load_all((EXAMPLE / "models.yaml").read_text()))
    asked = {each["spec"]["artifact"].rpartition("/")[2]: each["spec"]["artifactDigest"] for each in models}
    assert asked == {
        path.name: f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in ARTIFACTS.iterdir()
    }


def test_the_example_s_requests_can_be_answered(model: Model) -> None:
    features = model.description.features
    from_json = read_json((EXAMPLE / "requests" / "passengers.json").read_bytes(), features)
    from_csv = read_csv((EXAMPLE / "requests" / "passengers.csv").read_bytes(), features)
    assert from_json.rows == from_csv.rows
    assert len(model.predictions(from_json.rows)) == len(json.loads((EXAMPLE / "requests/passengers.json").read_text()))
