"""Differences between two JSON values: numbers with a tolerance, some places ignored. No I/O.

It uses no recursion: a response chooses how deep it is nested.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from replay.compare.paths import Pattern, Place, covered, shown
from replay.exchange import REDACTED

LONGEST = 80
ABSENT = "(absent)"
LARGE = 128
"""Bits of the largest integer that is shown."""


@dataclass(frozen=True)
class Rules:
    """What counts as equal."""

    absolute: float = 0.0
    relative: float = 0.0
    ignored: tuple[Pattern, ...] = ()


@dataclass(frozen=True)
class Difference:
    """Where two responses differ, and both values as text of bounded length; ``general``: for any index."""

    where: str
    general: str
    recorded: str
    replayed: str


def differences(recorded: Any, replayed: Any, rules: Rules) -> Iterator[Difference]:  # noqa: ANN401 - JSON
    """All differences, in the order of the recorded value."""
    todo: list[tuple[Place, Any, Any]] = [((), recorded, replayed)]
    while todo:
        place, left, right = todo.pop()
        if covered(place, rules.ignored) or left == REDACTED:
            continue
        if isinstance(left, dict) and isinstance(right, dict):
            todo.extend(_keys(place, left, right))
        elif isinstance(left, list) and isinstance(right, list):
            todo.extend(_items(place, left, right))
        elif not equal(left, right, rules):
            yield Difference(shown(place), shown(place, general=True), text(left), text(right))


class _Absent:
    """Stands for a key or an item that one of the two lacks."""


_ABSENT = _Absent()


def _keys(place: Place, left: dict[str, Any], right: dict[str, Any]) -> list[tuple[Place, Any, Any]]:
    """Last first, as it is a stack."""
    keys = [*left, *(key for key in right if key not in left)]
    return [((*place, key), left.get(key, _ABSENT), right.get(key, _ABSENT)) for key in reversed(keys)]


def _items(place: Place, left: list[Any], right: list[Any]) -> list[tuple[Place, Any, Any]]:
    longest = max(len(left), len(right))
    return [
        ((*place, at), left[at] if at < len(left) else _ABSENT, right[at] if at < len(right) else _ABSENT)
        for at in reversed(range(longest))
    ]


def equal(left: Any, right: Any, rules: Rules) -> bool:  # noqa: ANN401 - JSON
    """Whether two values that are not both objects or both arrays are equal."""
    if _is_number(left) and _is_number(right):
        return close(left, right, rules)
    return type(left) is type(right) and bool(left == right)


def close(left: float, right: float, rules: Rules) -> bool:
    """Whether two numbers are within the tolerance; numbers beyond a double's range must be the same."""
    try:
        return left == right or math.isclose(left, right, rel_tol=rules.relative, abs_tol=rules.absolute)
    except OverflowError:
        return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def text(value: Any) -> str:  # noqa: ANN401 - JSON
    """A value for the report: printable, of bounded length."""
    match value:
        case _Absent():
            return ABSENT
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case dict():
            return f"an object with {len(value)} keys"
        case list():
            return f"an array with {len(value)} items"
        case int() if value.bit_length() > LARGE:
            return f"an integer of {value.bit_length()} bits"
    whole = ascii(value)
    return whole if len(whole) <= LONGEST else whole[: LONGEST - 3] + "..."
