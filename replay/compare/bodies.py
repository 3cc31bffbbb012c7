"""Compares the bodies of two responses by their content type. No I/O."""

import csv
from collections.abc import Iterator
from typing import Any

import msgspec

from replay.compare.values import Difference, Rules, differences
from replay.exchange import Response

LINES = {"application/jsonlines", "application/x-jsonlines", "application/jsonl", "application/x-ndjson"}
BODY, STATUS, CONTENT_TYPE = "body", "status", "content-type"
CONTEXT = 20
"""Bytes shown before and after the first byte that differs."""


def compare(recorded: Response, replayed: Response, rules: Rules) -> Iterator[Difference]:
    """Differences in status, content type and body; the first is found without looking for the others."""
    if recorded.status != replayed.status:
        yield Difference(STATUS, STATUS, str(recorded.status), str(replayed.status))
    kind, other = media_type(recorded.content_type), media_type(replayed.content_type)
    if kind != other:
        yield Difference(CONTENT_TYPE, CONTENT_TYPE, ascii(kind), ascii(other))
    yield from _bodies(recorded.body or b"", replayed.body or b"", kind if kind == other else "", rules)


def media_type(content_type: str) -> str:
    """Without parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()[:100]


def _bodies(left: bytes, right: bytes, kind: str, rules: Rules) -> Iterator[Difference]:
    if left == right:
        return
    try:
        pair = _parsed(left, kind), _parsed(right, kind)
    except _Opaque:
        yield from _bytes(left, right)
        return
    yield from differences(*pair, rules)


class _Opaque(Exception):  # noqa: N818 - no error: such a body is compared by its bytes
    """A body without a structure that is known."""


def _parsed(body: bytes, kind: str) -> Any:  # noqa: ANN401 - JSON
    try:
        if kind in LINES:
            return [msgspec.json.decode(line) for line in body.split(b"\n") if line.strip()]
        if kind == "application/json" or kind.endswith("+json"):
            return msgspec.json.decode(body)
        if kind == "text/csv":
            return [[_number(cell) for cell in row] for row in csv.reader(body.decode().splitlines(), strict=True)]
    except (msgspec.MsgspecError, csv.Error, ValueError, RecursionError) as error:
        raise _Opaque from error
    raise _Opaque


def _number(cell: str) -> float | str:
    """A cell is a number only if it is written as one: no ``nan``, ``infinity`` or ``1_000``."""
    try:
        return float(cell) if cell.strip()[-1:].isdigit() and "_" not in cell else cell
    except ValueError:
        return cell


def _bytes(left: bytes, right: bytes) -> Iterator[Difference]:
    at = next((n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    yield Difference(f"{BODY}, from byte {at}", BODY, _around(left, at), _around(right, at))


def _around(body: bytes, at: int) -> str:
    return f"{len(body)} bytes, here {ascii(body[max(0, at - CONTEXT) : at + CONTEXT])[1:]}"
