"""Predictions -> answer bodies, in the media type the caller accepts and the shape the caller wrote.

It must not decide what is predicted.
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, fields

from .model import Prediction
from .rows import CSV, JSON, Shape


class NotAcceptable(Exception):  # noqa: N818 - it names the status
    """The caller accepts neither JSON nor CSV."""


def media_type(accept: str, asked: str) -> str:
    """The answer's type for an ``Accept`` header: the first one we speak, or the request's own type for ``*/*``.

    Quality values are not weighed: the order that the caller wrote decides. Raises ``NotAcceptable``.
    """
    for each in accept.split(","):
        match each.split(";")[0].strip().lower():
            case "" | "*/*":
                return asked
            case "application/json" | "application/*":
                return JSON
            case "text/csv" | "text/*":
                return CSV
    raise NotAcceptable(f"answers are {JSON} or {CSV}, not {accept}")


def rendered(predictions: Sequence[Prediction], shape: Shape, media: str) -> bytes:
    """The answer's body."""
    return _csv(predictions, shape) if media == CSV else _json(predictions, shape)


def _json(predictions: Sequence[Prediction], shape: Shape) -> bytes:
    values = [asdict(prediction) for prediction in predictions]
    match shape:
        case Shape.ONE:
            return _line(values[0])
        case Shape.INSTANCES:
            return _line({"predictions": values})
        case _:
            return _line(values)


def _line(value: object) -> bytes:
    return (json.dumps(value) + "\n").encode()


def _csv(predictions: Sequence[Prediction], shape: Shape) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if shape is Shape.TABLE_WITH_HEADER:
        writer.writerow(field.name for field in fields(Prediction))
    writer.writerows((prediction.survived, prediction.probability) for prediction in predictions)
    return text.getvalue().encode()
