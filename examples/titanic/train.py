"""Trains the example's two models from the counts of the 1912 inquiry and packs each as ``NAME.tar.gz``.

    python3 examples/titanic/train.py [FOLDER]          (default: artifacts/ beside this file)

The counts in ``titanic.csv`` are those of the British Board of Trade's inquiry,
2,201 people of whom 711 survived, known to every statistics package (R's
``Titanic``). Needs the locked dependency group ``training``; same versions, same
bytes. It must not be needed to serve: what it writes is ONNX and JSON, no pickle.
"""

# ruff: noqa: INP001 - a script

import csv
import gzip
import io
import json
import sys
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

HERE = Path(__file__).parent
FEATURES = {"class": ("1st", "2nd", "3rd", "crew"), "sex": ("female", "male"), "age": ("adult", "child")}
LABELS = ("no", "yes")
SEED = 1912
OPSET = 17


def estimators() -> Mapping[str, Any]:
    """Name of each artifact -> the untrained estimator behind it."""
    return {
        "titanic-rfc": RandomForestClassifier(n_estimators=24, max_depth=4, random_state=SEED),
        "titanic-lr": LogisticRegression(random_state=SEED),
    }


def people(table: Path = HERE / "titanic.csv") -> tuple[list[list[str]], list[str]]:
    """One row of features and one label for each of the 2,201 people counted in the table."""
    with table.open(newline="") as file:
        cells = [(cell, int(cell["count"])) for cell in csv.DictReader(file)]
    rows = [[cell[name] for name in FEATURES] for cell, count in cells for _ in range(count)]
    return rows, [cell["survived"] for cell, count in cells for _ in range(count)]


def trained(estimator: Any) -> Pipeline:  # noqa: ANN401 - scikit-learn has no types
    """The estimator behind a one-hot encoder, fitted to everyone."""
    rows, labels = people()
    encoder = OneHotEncoder(categories=[list(known) for known in FEATURES.values()])
    columns = make_column_transformer((encoder, list(range(len(FEATURES)))))
    return make_pipeline(columns, estimator).fit(np.array(rows, dtype=object), labels)


def onnx_bytes(pipeline: Pipeline, name: str) -> bytes:
    """The pipeline as an ONNX graph: input ``rows`` string[n, 3]; outputs label and probability[n, 2]."""
    graph = to_onnx(
        pipeline,
        initial_types=[("rows", StringTensorType([None, len(FEATURES)]))],
        options={id(pipeline): {"zipmap": False}},
        target_opset=OPSET,
        name=name,
    )
    opsets = sorted(graph.opset_import, key=lambda opset: opset.domain)  # skl2onnx leaves them in a set's order
    del graph.opset_import[:]
    graph.opset_import.extend(opsets)
    return bytes(graph.SerializeToString(deterministic=True))


def description(name: str) -> bytes:
    """What the server must know beside the graph, as JSON."""
    features = [{"name": feature, "categories": known} for feature, known in FEATURES.items()]
    text = json.dumps({"name": name, "features": features, "labels": LABELS, "positive": "yes"}, indent=2)
    return (text + "\n").encode()


def packed(files: Mapping[str, bytes]) -> bytes:
    """A tar.gz that depends on names and contents alone: no times, no users, sorted."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(files[name]), 0o644
            tar.addfile(member, io.BytesIO(files[name]))
    return gzip.compress(archive.getvalue(), compresslevel=9, mtime=0)


def artifacts() -> Iterable[tuple[str, bytes]]:
    """Each artifact's file name and bytes."""
    for name, estimator in estimators().items():
        graph = onnx_bytes(trained(estimator), name)
        yield f"{name}.tar.gz", packed({"model.onnx": graph, "model.json": description(name)})


def main(folder: Path) -> None:
    """Writes all artifacts into the folder and says what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in artifacts():
        (folder / name).write_bytes(content)
        sys.stdout.write(f"{folder / name}: {len(content)} bytes\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "artifacts")
