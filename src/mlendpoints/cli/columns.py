"""Rows of tables: the columns that kubectl shows, from typed objects. Pure.

The columns are those of the CRDs, so both commands always show the same.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from mlendpoints.api.crd import KINDS
from mlendpoints.client.objects import AnyObject
from mlendpoints.core.times import seconds

_CONDITION = re.compile(r'^\.status\.conditions\[\?\(@\.type=="(\w+)"\)\]\.(\w+)$')


def make_rows(objects: Sequence[AnyObject], *, wide: bool, namespaces: bool, now: float) -> list[list[str]]:
    """A header and a row for each object, all of one kind; ``now`` in seconds since the epoch."""
    names = KINDS[type(objects[0])]
    columns = {**names.columns, **({} if not wide else names.wide)}
    ordinary = {name: path for name, (_, path) in columns.items()}
    head = [*(["NAMESPACE"] if namespaces else []), "NAME", *(name.upper() for name in names.columns), "AGE"]
    head += [name.upper() for name in (names.wide if wide else ())]
    return [head, *(_row(obj, ordinary, shown=len(names.columns), namespaces=namespaces, now=now) for obj in objects)]


def _row(obj: AnyObject, columns: Mapping[str, str], *, shown: int, namespaces: bool, now: float) -> list[str]:
    cells = [cell(obj, path) for path in columns.values()]
    place = [obj.metadata.namespace] if namespaces else []
    return [*place, obj.metadata.name, *cells[:shown], age(obj.metadata.creation_timestamp, now), *cells[shown:]]


def cell(obj: AnyObject, path: str) -> str:
    """The value at a JSONPath of a CRD's column; empty if it is not set."""
    found = _CONDITION.match(path)
    if found is None:
        value: Any = obj
        for part in path.strip(".").split("."):
            value = _field(value, part)
        return "" if value is None else str(value)
    matching = (c for c in obj.status.conditions if c.type == found[1])
    condition = next(iter(matching), None)
    return "" if condition is None else str(_field(condition, found[2]))


def _field(value: Struct | None, wire: str) -> Any:  # noqa: ANN401 - any field
    if value is None:
        return None
    name = next(field.name for field in fields(value) if field.encode_name == wire)
    return getattr(value, name)


def age(timestamp: str, now: float) -> str:
    """How long ago, as kubectl writes it (``k8s.io/apimachinery/pkg/util/duration``).

    >>> age("2026-01-01T00:00:00Z", seconds("2026-01-01T00:03:05Z"))
    '3m5s'
    """
    return duration(max(0, int(now - seconds(timestamp)))) if timestamp else ""


_UNITS = (  # below so many seconds: the larger unit, and the smaller one that is shown beside it
    (120, 1, "s", 0, ""),
    (600, 60, "m", 1, "s"),
    (3 * 3600, 60, "m", 0, ""),
    (8 * 3600, 3600, "h", 60, "m"),
    (48 * 3600, 3600, "h", 0, ""),
    (8 * 86400, 86400, "d", 3600, "h"),
    (2 * 365 * 86400, 86400, "d", 0, ""),
    (8 * 365 * 86400, 365 * 86400, "y", 86400, "d"),
)


def duration(whole: int) -> str:
    """Seconds as kubectl writes them.

    >>> [duration(n) for n in (0, 119, 120, 605, 8000, 30000, 200000, 10**6, 10**8, 10**9)]
    ['0s', '119s', '2m', '10m', '133m', '8h', '2d7h', '11d', '3y62d', '31y']
    """
    for below, unit, letter, smaller, its_letter in _UNITS:
        if whole < below:
            rest = whole % unit // smaller if smaller else 0
            return f"{whole // unit}{letter}{f'{rest}{its_letter}' if rest else ''}"
    return f"{whole // (365 * 86400)}y"


def aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """The rows in columns, three spaces apart.

    >>> aligned([["NAME", "READY"], ["titanic", "True"]])
    ['NAME      READY', 'titanic   True']
    """
    table = [[printable(text) for text in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["   ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in table]


def printable(text: str) -> str:
    """In one line, without what moves a cursor: others have written it."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
