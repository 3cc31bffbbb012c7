"""Request bodies -> rows of known categories, and how the caller wrote them, so that answers come in kind.

Every mistake of the caller ends as ``BadInput`` with a sentence that says which
row, which field, and what is allowed. It must not read the network.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from .model import Feature

JSON = "application/json"
CSV = "text/csv"


class BadInput(Exception):  # noqa: N818 - it names what the caller sent
    """A body that cannot be predicted from; its text is for the caller."""


class Shape(Enum):
    """How the caller wrote the rows."""

    ONE = auto()  # one JSON object
    MANY = auto()  # a JSON list of objects
    INSTANCES = auto()  # {"instances": [...]}
    TABLE = auto()  # CSV
    TABLE_WITH_HEADER = auto()


@dataclass(frozen=True)
class Request:
    """The rows, in the order of the features, and the shape they came in."""

    rows: tuple[tuple[str, ...], ...]
    shape: Shape


def read_json(body: bytes, features: Sequence[Feature]) -> Request:
    """An object, a list of objects, or ``{"instances": [...]}``; raises ``BadInput``."""
    match _parsed(body):
        case {"instances": list(instances)}:
            return Request(_rows(instances, features), Shape.INSTANCES)
        case dict(one):
            return Request(_rows([one], features), Shape.ONE)
        case list(many):
            return Request(_rows(many, features), Shape.MANY)
        case _:
            raise BadInput('the body must be an object, a list of objects, or {"instances": [...]}')


def read_csv(body: bytes, features: Sequence[Feature]) -> Request:
    """Lines of values, with a header in any order or without one in the model's order; raises ``BadInput``."""
    lines = _lines(body)
    names = [feature.name for feature in features]
    if lines and sorted(lines[0]) == sorted(names):
        header, lines = lines[0], lines[1:]
        shape = Shape.TABLE_WITH_HEADER
    else:
        header, shape = names, Shape.TABLE
    return Request(_rows([_record(line, header, number) for number, line in enumerate(lines, 1)], features), shape)


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"the body is not JSON: {error}") from error


def _lines(body: bytes) -> list[list[str]]:
    try:
        reader = csv.reader(body.decode("utf-8-sig").splitlines(), skipinitialspace=True, strict=True)
        return [[value.strip() for value in line] for line in reader if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"the body is not CSV: {error}") from error


def _record(line: Sequence[str], header: Sequence[str], number: int) -> dict[str, str]:
    if len(line) != len(header):
        raise BadInput(f"row {number} has {len(line)} values; expected {len(header)}: {','.join(header)}")
    return dict(zip(header, line, strict=True))


def _rows(records: Sequence[Any], features: Sequence[Feature]) -> tuple[tuple[str, ...], ...]:
    if not records:
        raise BadInput("there is no row to predict")
    return tuple(_row(record, features, number) for number, record in enumerate(records, 1))


def _row(record: object, features: Sequence[Feature], number: int) -> tuple[str, ...]:
    if not isinstance(record, Mapping):
        raise BadInput(f"row {number} is not an object with the fields {_listed(features)}")
    unknown = sorted(set(record) - {feature.name for feature in features})
    if unknown:
        raise BadInput(f"row {number} has an unknown field {unknown[0]!r}; the fields are {_listed(features)}")
    return tuple(_category(record, feature, number) for feature in features)


def _category(record: Mapping[str, Any], feature: Feature, number: int) -> str:
    if feature.name not in record:
        raise BadInput(f"row {number} lacks the field {feature.name!r}")
    value = record[feature.name]
    if value not in feature.categories:
        raise BadInput(f"row {number}: {feature.name} is {value!r}; expected one of {', '.join(feature.categories)}")
    return str(value)


def _listed(features: Sequence[Feature]) -> str:
    return ", ".join(feature.name for feature in features)
