"""Two responses are equal if they say the same, within the tolerance and but for ignored places."""

import json
import math
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from replay.compare.bodies import compare
from replay.compare.paths import parse_pattern
from replay.compare.values import Rules, differences
from replay.exchange import Response

EXACT = Rules()
TEXT = st.text(st.characters(codec="utf-8"), max_size=5)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)


def response(body: bytes, content_type: str = "application/json", status: int = 200) -> Response:
    return Response(status, content_type, body)


def json_pair(left: Any, right: Any, rules: Rules = EXACT) -> list[tuple[str, str, str]]:  # noqa: ANN401 - JSON
    found = compare(response(json.dumps(left).encode()), response(json.dumps(right).encode()), rules)
    return [(each.where, each.recorded, each.replayed) for each in found]


@given(value=VALUES)
def test_a_value_is_equal_to_itself_however_it_is_written(value: object) -> None:
    assume(value != "[REDACTED]")
    left, right = json.dumps(value, indent=2), json.dumps(value, separators=(",", ":"), sort_keys=True)
    assert not list(compare(response(left.encode()), response(right.encode()), EXACT))


@given(left=VALUES, right=VALUES)
def test_what_differs_does_so_in_both_directions(left: object, right: object) -> None:
    assert bool(list(differences(left, right, EXACT))) == bool(list(differences(right, left, EXACT)))


@given(left=VALUES, right=VALUES)
def test_values_without_a_difference_are_the_same_json(left: object, right: object) -> None:
    assume("[REDACTED]" not in json.dumps(left))
    same = not list(differences(left, right, EXACT))
    assert same == (plain(left) == plain(right))


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Without the equality of Python's True and 1; integers and floats of one value are one."""
    match value:
        case bool() | None:
            return str(value), "constant"
        case list():
            return [plain(each) for each in value]
        case dict():
            return {key: plain(each) for key, each in value.items()}
    return value


@given(
    number=st.floats(-1e9, 1e9),
    change=st.floats(-2, 2),
    absolute=st.floats(0, 2),
)
def test_numbers_within_the_absolute_tolerance_are_equal(number: float, change: float, absolute: float) -> None:
    other = number + change
    expected = number == other or math.isclose(number, other, rel_tol=0, abs_tol=absolute)
    assert (not json_pair(number, other, Rules(absolute=absolute))) == expected


def test_the_relative_tolerance_scales_with_the_larger_number() -> None:
    rules = Rules(relative=1e-3)
    assert not json_pair([1000.0, -1e300], [1000.9, -1.0005e300], rules)
    assert json_pair([1.0], [1.1], rules) == [("$[0]", "1.0", "1.1")]


def test_an_integer_equals_a_float_of_the_same_value_but_a_truth_value_does_not() -> None:
    assert not json_pair([1, 2.0], [1.0, 2])
    assert json_pair([1, 0], [True, False]) == [("$[0]", "1", "true"), ("$[1]", "0", "false")]


def test_integers_beyond_a_double_are_compared_exactly_and_not_shown() -> None:
    huge = 10**400
    assert not json_pair(huge, huge)
    assert len(json_pair(huge, huge + 1, Rules(relative=0.5))) == 1
    assert len(json_pair(huge, 1.0, Rules(relative=0.5))) == 1


def test_each_difference_is_named_by_its_place() -> None:
    left = {"predictions": [{"label": "yes", "p": 0.9}, {"label": "no"}], "odd key": 1, "gone": None}
    right = {"predictions": [{"label": "no", "p": 0.9}], "odd key": 2, "new": {}}
    assert json_pair(left, right) == [
        ("$.predictions[0].label", "'yes'", "'no'"),
        ("$.predictions[1]", "an object with 1 keys", "(absent)"),
        ("$['odd key']", "1", "2"),
        ("$.gone", "null", "(absent)"),
        ("$.new", "(absent)", "an object with 0 keys"),
    ]


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("$", 1),
        ("$.id", {"id": 1}),
        ("$['id']", {"id": 1}),
        ("$.rows[*].id", {"rows": [{"id": 1}, {"id": 2}]}),
        ("$.rows[1]", {"rows": [0, 1]}),
        ("$.*.id", {"a": {"id": 1}, "b": {"id": 1}}),
    ],
)
def test_an_ignored_place_does_not_count_with_all_below_it(pattern: str, left: Any) -> None:  # noqa: ANN401 - JSON
    right = json.loads(json.dumps(left).replace("1", '"other"').replace("2", "[3]"))
    assert json_pair(left, right)
    assert not json_pair(left, right, Rules(ignored=(parse_pattern(pattern),)))


def test_a_key_that_is_named_like_the_wildcard_can_be_ignored_alone() -> None:
    rules = Rules(ignored=(parse_pattern("$['*']"),))
    assert json_pair({"*": 1, "a": 1}, {"*": 2, "a": 2}, rules) == [("$.a", "1", "2")]


@pytest.mark.parametrize("text", ["", "id", "$.", "$..id", "$[", "$[-1]", "$.a b", "$['", "$[1e9]", "$id"])
def test_a_pattern_that_cannot_be_read_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"\$|step"):
        parse_pattern(text)


def test_a_redacted_value_matches_anything() -> None:
    assert not json_pair({"name": "[REDACTED]", "p": 1}, {"name": "Ada", "p": 1})


def test_status_and_content_type_count_but_its_parameters_do_not() -> None:
    found = compare(response(b"{}"), response(b"{}", "text/html", 500), EXACT)
    assert [(each.where, each.recorded, each.replayed) for each in found] == [
        ("status", "200", "500"),
        ("content-type", "'application/json'", "'text/html'"),
    ]
    assert not list(compare(response(b"{}"), response(b"{}", "Application/JSON; charset=utf-8"), EXACT))


def test_tables_are_compared_cell_by_cell() -> None:
    left, right = b"class,p\r\n1st,0.50\r\n2nd,nan\n", b"class,p\n1st,5e-1\n3rd,nan\n"
    found = compare(response(left, "text/csv"), response(right, "text/csv; header=present"), EXACT)
    assert [(each.where, each.recorded, each.replayed) for each in found] == [("$[2][0]", "'2nd'", "'3rd'")]


def test_lines_of_json_are_compared_one_by_one() -> None:
    left, right = b'{"a":1}\n{"a":2}\n', b'{"a": 1}\n{"a": 3}'
    found = compare(response(left, "application/jsonlines"), response(right, "application/jsonlines"), EXACT)
    assert [each.where for each in found] == ["$[1].a"]


@pytest.mark.parametrize("content_type", ["application/octet-stream", "", "application/json", "text/csv"])
def test_what_has_no_structure_is_compared_by_its_bytes(content_type: str) -> None:
    left, right = b'\x00"abcNaN\xff', b'\x00"abdNaN\xff'
    (found,) = compare(response(left, content_type), response(right, content_type), EXACT)
    assert found.where == "body, from byte 4"
    assert found.recorded == "9 bytes, here '\\x00\"abcNaN\\xff'"
    assert not list(compare(response(left, content_type), response(left, content_type), EXACT))


def nested(depth: int) -> Iterable[bytes]:
    return b"[" * depth + b"1" + b"]" * depth, b"[" * depth + b"2" + b"]" * depth


@pytest.mark.parametrize("depth", [900, 100_000])
def test_a_deeply_nested_response_is_compared(depth: int) -> None:
    left, right = nested(depth)
    assert len(list(compare(response(left), response(right), EXACT))) == 1


def test_values_are_shown_as_printable_text_of_bounded_length() -> None:
    ((_, recorded, replayed),) = json_pair("\x1b[31m" + "é" * 500, "\n")
    assert recorded.isprintable()
    assert len(recorded) <= 80
    assert replayed == "'\\n'"
