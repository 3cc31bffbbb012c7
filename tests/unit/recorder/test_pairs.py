"""Which messages belong together, and how long they wait; what is read of a message."""

import pytest

from recorder.messages import WAITING_BYTES, Pairs, read_line
from replay.gor.format import REQUEST, RESPONSE, Record
from replay.gor.http import Unreadable, read_request, read_response


def message(kind: bytes, name: str = "a", content: bytes = b"x") -> Record:
    return Record(kind, name, 0, 0, content)


def test_a_response_may_come_first() -> None:
    pairs = Pairs(seconds=10)
    assert list(pairs.add(message(RESPONSE), 0)) == []
    (pair,) = pairs.add(message(REQUEST), 1)
    assert (pair.request, pair.response) == (message(REQUEST), message(RESPONSE))
    assert list(pairs.rest()) == []


def test_what_stays_alone_is_given_up_after_its_time() -> None:
    pairs = Pairs(seconds=10)
    assert list(pairs.add(message(REQUEST), 0)) == []
    assert list(pairs.expired(9.9)) == []
    (pair,) = pairs.expired(10)
    assert (pair.request, pair.response) == (message(REQUEST), None)


def test_what_waits_is_bounded_in_memory() -> None:
    pairs = Pairs(seconds=10)
    half = bytes(WAITING_BYTES // 2 + 1)
    assert list(pairs.add(message(REQUEST, "a", half), 0)) == []
    (pair,) = pairs.add(message(REQUEST, "b", half), 0)
    assert pair.request is not None
    assert pair.request.name == "a"


def test_a_repeated_message_is_not_counted_twice() -> None:
    pairs = Pairs(seconds=10)
    assert list(pairs.add(message(REQUEST), 0)) == []
    assert list(pairs.add(message(REQUEST), 0)) == []
    assert len(list(pairs.rest())) == 1


@pytest.mark.parametrize("line", [b"", b"zz", b"31", b"4 a 1 0\nGET".hex().encode(), b"3" * 1001])
def test_a_line_that_is_no_message_is_none(line: bytes) -> None:
    assert read_line(line) is None


@pytest.mark.parametrize(
    "torn",
    [
        b"",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/1.1\r\nHost: a",
    ],
)
def test_a_request_that_is_not_whole_is_unreadable(torn: bytes) -> None:
    with pytest.raises(Unreadable):
        read_request(torn)


@pytest.mark.parametrize("torn", [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_a_response_that_is_not_whole_is_unreadable(torn: bytes) -> None:
    with pytest.raises(Unreadable):
        read_response(torn, "POST")


def test_a_streamed_response_is_read_as_one_body() -> None:
    streamed = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    assert read_response(streamed, "POST").body == b"abc"
