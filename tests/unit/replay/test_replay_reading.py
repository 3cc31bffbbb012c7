"""What is captured is read as it was received; what cannot be replayed is counted by reason."""

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.exchange import Exchange, Origin, Skipped, Unusable
from replay.gor import format as gor
from replay.reading.captured import read_line
from replay.reading.gor_file import WAITING_BYTES, exchanges
from replay.reading.lines import lines
from tests.unit.replay.records import captured, side


def reason(line: bytes) -> Skipped:
    with pytest.raises(Unusable) as found:
        read_line(line)
    return found.value.reason


def changed(**changes: Any) -> bytes:  # noqa: ANN401 - JSON
    return json.dumps(json.loads(captured()) | changes).encode()


def cut(content: bytes, places: Iterable[int]) -> Iterator[bytes]:
    start = 0
    for place in sorted(place % (len(content) + 1) for place in places):
        yield content[start:place]
        start = place
    yield content[start:]


def test_a_record_is_read_with_all_that_is_known_of_it() -> None:
    read = read_line(captured(b'[{"a":1}]', b'["yes"]', startTime="2026-11-26T10:20:33.250Z"))
    assert (read.name, read.nanoseconds) == ("event-1", 1795688433_250_000_000)
    assert (read.request.method, read.request.path, read.request.body) == ("POST", "/invocations", b'[{"a":1}]')
    assert dict(read.request.headers) == {"content-type": "application/json", "host": "titanic.example.com"}
    assert read.response
    assert (read.response.status, read.response.content_type) == (200, "application/json")
    assert (read.response.body, read.seconds) == (b'["yes"]', 0.25)
    assert read.origin == Origin("blue", "titanic-blue-abc", "titanic.example.com")


@given(body=st.binary(max_size=50))
def test_a_binary_body_is_read_byte_for_byte(body: bytes) -> None:
    assert read_line(captured(body)).request.body == body


@given(body=st.text(st.characters(codec="utf-8"), max_size=50), encoding=st.sampled_from(["JSON", "CSV"]))
def test_a_text_is_read_byte_for_byte(body: str, encoding: str) -> None:
    line = changed(captureData={"endpointInput": side(body.encode(), encoding=encoding)})
    assert read_line(line).request.body == body.encode()


def test_a_record_without_its_response_has_its_status_alone() -> None:
    response = read_line(captured(b"{}", None, status=503)).response
    assert response
    assert (response.status, response.body) == (503, None)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (captured(None), Skipped.NO_INPUT),
        (b"", Skipped.MALFORMED),
        (b"[]", Skipped.MALFORMED),
        (b"\xff", Skipped.MALFORMED),
        (b'{"captureData":' * 2000, Skipped.MALFORMED),
        (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", Skipped.MALFORMED),
        (b'{"x":' + b"9" * 100_000 + b"}", Skipped.MALFORMED),
        (captured(status=99), Skipped.MALFORMED),
        (captured(status=10**30), Skipped.MALFORMED),
        (captured(requestSeconds=-1), Skipped.MALFORMED),
        (captured(requestSeconds=1e300), Skipped.MALFORMED),
        (captured(path=None), Skipped.MALFORMED),
        (captured(instance="a/../b"), Skipped.MALFORMED),
        (captured(requestHeaders={"a": 1}), Skipped.MALFORMED),
        (captured(startTime="yesterday"), Skipped.MALFORMED),
        (captured(startTime="0001-01-01T00:00:00Z"), Skipped.MALFORMED),
        (captured(startTime="9999-12-31T23:59:59Z"), Skipped.MALFORMED),
        (changed(eventMetadata={"eventId": "x" * 300, "inferenceTime": "2026-11-26T10:20:33Z"}), Skipped.MALFORMED),
        (changed(captureData={"endpointInput": side(b"") | {"encoding": "GZIP"}}), Skipped.MALFORMED),
        (changed(captureData={"endpointInput": side(b"") | {"data": "a=b"}}), Skipped.INVALID_BODY),
        (changed(captureData={"endpointInput": side(b"") | {"data": "é"}}), Skipped.INVALID_BODY),
    ],
)
def test_a_record_that_makes_no_sense_is_skipped(line: bytes, expected: Skipped) -> None:
    assert reason(line) is expected


@given(line=st.binary(max_size=200))
def test_any_bytes_are_read_or_skipped(line: bytes) -> None:
    assert reason(line) is Skipped.MALFORMED


@given(content=st.lists(st.sampled_from([b"\n", b"a", b"bc"])).map(b"".join), places=st.lists(st.integers(0, 50)))
def test_lines_are_the_same_however_they_arrive(content: bytes, places: list[int]) -> None:
    *whole, rest = content.split(b"\n")
    expected = [line if len(line) <= 3 else Skipped.LINE_TOO_LONG for line in whole]
    if rest:
        expected.append(Skipped.TORN if len(rest) <= 3 else Skipped.LINE_TOO_LONG)
    assert list(lines(cut(content, places), 3)) == expected


REQUEST = b"POST /a?b=1 HTTP/1.1\r\nHost: titanic.example.com\r\nX-A: 1\r\nContent-Length: 2\r\n\r\n{}"
RESPONSE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nx-amzn-invoked-production-variant: blue\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\n,b\r\n0\r\n\r\n"
)


def record(kind: bytes, name: str, message: bytes, nanoseconds: int = 7) -> bytes:
    return gor.written(gor.Record(kind, name, nanoseconds, 1, message))


def read_gor(content: bytes, longest: int = 10_000) -> list[Exchange | Skipped]:
    return list(exchanges([content], longest))


@pytest.mark.parametrize("is_first", [False, True])
def test_a_raw_capture_is_read_with_the_response_that_follows_or_precedes(*, is_first: bool) -> None:
    pair = [record(b"1", "a1", REQUEST), record(b"2", "a1", RESPONSE, 250_000_007)]
    content = [*(reversed(pair) if is_first else pair), record(b"1", "b2", REQUEST)]
    first, second = read_gor(b"".join(content))
    assert isinstance(first, Exchange)
    assert isinstance(second, Exchange)
    assert (first.name, first.request.path, first.request.body, first.seconds) == ("a1", "/a?b=1", b"{}", 0.25)
    assert first.response
    assert (first.response.content_type, first.response.body) == ("text/csv", b"a,b")
    assert first.origin == Origin(variant="blue", host="titanic.example.com")
    assert (second.name, second.response, second.seconds) == ("b2", None, None)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"garbage" + gor.SEPARATOR, Skipped.MALFORMED),
        (record(b"1", "a", b"POST / HTTP/1.1\r\n\r\n"), Skipped.MALFORMED),
        (record(b"1", "a", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n{}"), Skipped.MALFORMED),
        (record(b"1", "a", REQUEST.replace(b"X-A: 1", b"X-A 1")), Skipped.MALFORMED),
        (record(b"2", "a", RESPONSE), Skipped.NO_REQUEST),
        (record(b"1", "a", REQUEST + b"x" * 10_000), Skipped.LINE_TOO_LONG),
    ],
)
def test_a_raw_record_that_makes_no_sense_is_skipped(content: bytes, expected: Skipped) -> None:
    assert read_gor(content) == [expected]


def test_a_request_that_appears_twice_counts_once() -> None:
    first, *rest = reversed(read_gor(record(b"1", "a", REQUEST) * 2))
    assert isinstance(first, Exchange)
    assert rest == [Skipped.MALFORMED]


def test_a_response_that_cannot_be_read_leaves_its_request_without_one() -> None:
    (found,) = read_gor(
        record(b"1", "a", REQUEST) + record(b"2", "a", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}")
    )
    assert isinstance(found, Exchange)
    assert (found.response, found.seconds) == (None, None)


def test_requests_that_wait_for_their_responses_are_bounded() -> None:
    large = b"x" * (WAITING_BYTES // 2)
    message = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(large) + large
    chunks = (record(b"1", f"a{number}", message) for number in range(3))
    names = [each.name for each in exchanges(chunks, 2 * len(message)) if isinstance(each, Exchange)]
    assert names == ["a0", "a1", "a2"]


LINES = st.lists(st.sampled_from([b"", b"a", b"\r", gor.SEPARATOR.strip(), gor.SEPARATOR, b"\n"]), max_size=4)


@given(messages=st.lists(LINES.map(b"\n".join), max_size=4), places=st.lists(st.integers(0, 500)))
def test_what_fits_is_read_as_it_was_written(messages: list[bytes], places: list[int]) -> None:
    fitting = [message for message in messages if gor.fits(message)]
    content = b"".join(record(b"1", "a", message) for message in fitting)
    read = [gor.read(piece or b"") for piece in gor.pieces(cut(content, places), 10_000)]
    assert [each.message for each in read if each] == fitting


@pytest.mark.parametrize("body", ["\n🐵🙈🙉\n", "a\n🐵🙈🙉\n1 2 3\n", "a\n🐵🙈🙉", "🐵🙈🙉\n", "🐵🙈🙉"])
def test_a_message_with_the_separator_does_not_fit(body: str) -> None:
    assert not gor.fits(b"POST / HTTP/1.1\r\n\r\n" + body.encode())


def test_a_body_in_base64_is_read_strictly() -> None:
    line = changed(captureData={"endpointInput": side(b"") | {"data": base64.b64encode(b"{}").decode() + "\n"}})
    assert reason(line) is Skipped.INVALID_BODY
