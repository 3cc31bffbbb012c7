"""The loaded model: an ONNX graph and its description, as packed in ``model.tar.gz``.

It must not know how rows arrive or how predictions leave.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import onnxruntime


@dataclass(frozen=True)
class Feature:
    """One column of a row and the only values it may have."""

    name: str
    categories: tuple[str, ...]


@dataclass(frozen=True)
class Prediction:
    """What the model says of one row: the label, and the probability of the positive label (0..1)."""

    survived: str
    probability: float


@dataclass(frozen=True)
class Description:
    """``model.json``: the name, the features in the graph's order, the labels in the graph's order."""

    name: str
    features: tuple[Feature, ...]
    labels: tuple[str, ...]
    positive: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises ``OSError``, ``KeyError`` or ``ValueError`` for a missing or malformed file."""
        facts = json.loads(path.read_text())
        features = tuple(Feature(each["name"], tuple(each["categories"])) for each in facts["features"])
        return cls(name=facts["name"], features=features, labels=tuple(facts["labels"]), positive=facts["positive"])


class Model:
    """A graph ready to run; safe to be used by several threads."""

    def __init__(self, folder: Path) -> None:
        self.description = Description.read(folder / "model.json")
        self._session = onnxruntime.InferenceSession(folder / "model.onnx", _options())
        self._try_out()

    def predictions(self, rows: Sequence[tuple[str, ...]]) -> list[Prediction]:
        """One prediction a row, in order; rows hold known categories in the order of the features."""
        labels, probabilities = self._session.run(None, {"rows": np.array(rows, dtype=object)})
        column = self.description.labels.index(self.description.positive)
        return [
            Prediction(str(label), round(float(row[column]), 4))
            for label, row in zip(labels, probabilities, strict=True)
        ]

    def _try_out(self) -> None:
        """Proves that graph and description fit each other, and spares the first caller the warming up."""
        self.predictions([tuple(feature.categories[0] for feature in self.description.features)])


def _options() -> onnxruntime.SessionOptions:
    """One thread a request: requests run side by side, and a container's CPU limit is no node's CPU count."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return options
