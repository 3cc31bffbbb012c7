"""What is replaced before a record is written: as the proxy does it."""

import json

import pytest

from recorder.redact import body, header

R = "[REDACTED]"


@pytest.mark.parametrize("name", ["authorization", "cookie", "set-cookie", "x-api-key", "x-auth-token", "x-real-ip"])
def test_credentials_and_addresses_always_are(name: str) -> None:
    assert header(name, "secret", ()) == R


def test_other_headers_are_if_they_are_named() -> None:
    assert (header("x-a", "1", ()), header("x-a", "1", ("x-a",))) == ("1", R)


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        (("a",), {"a": 1, "b": 2}, {"a": R, "b": 2}),
        (("a", "b"), {"a": {"b": {"c": 1}}}, {"a": {"b": R}}),
        (("[*]", "a"), [{"a": 1}, 2, {"b": 1}], [{"a": R}, 2, {"b": 1}]),
        (("a", "[*]"), {"a": [1, [2]]}, {"a": [R, R]}),
        (("[*]", "[*]"), [[1], 2], [[R], 2]),
        (("a",), [{"a": 1}], [{"a": 1}]),
        (("[*]",), {"[*]": 1}, {"[*]": 1}),
        (("a",), 5, 5),
    ],
)
def test_a_path_leads_to_what_is_replaced_or_nowhere(path: tuple[str, ...], before: object, after: object) -> None:
    found = body(json.dumps(before), [path], is_lines=False)
    assert found is not None
    assert json.loads(found) == after


def test_lines_are_redacted_one_by_one() -> None:
    assert body('{"a": 1}\n\n{"a": 2}\n', [("a",)], is_lines=True) == f'{{"a":"{R}"}}\n\n{{"a":"{R}"}}\n'


@pytest.mark.parametrize("text", ["", "{", "1 2", "NaN", "[" * 100_000, "1" * 5000])
def test_what_is_no_json_or_too_deep_cannot_be_redacted(text: str) -> None:
    assert body(text, [("a",)], is_lines=False) is None
