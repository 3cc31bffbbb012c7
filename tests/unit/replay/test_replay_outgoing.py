"""A request is sent as it was captured, without what must not be repeated; nothing in it leads elsewhere."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.exchange import REDACTED, Request, Skipped, Unusable
from replay.outgoing import SECRET, checked, encoded

NAMES = st.from_regex(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,10}", fullmatch=True)
PLAIN = NAMES.map("X-".__add__).filter(lambda name: not SECRET.search(name.lower()))
TEXTS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=10)
VALUES = TEXTS.filter(lambda value: REDACTED not in value)


def request(**changes: object) -> Request:
    return Request(**({"method": "POST", "path": "/", "headers": (), "body": b""} | changes))  # type: ignore[arg-type]


def reason(**changes: object) -> Skipped:
    with pytest.raises(Unusable) as found:
        checked(request(**changes), 100)
    return found.value.reason


def sent(asked: Request, **added: str) -> h11.Request:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(encoded(checked(asked, 100), "titanic.example.com", tuple(added.items())))
    event = connection.next_event()
    assert isinstance(event, h11.Request)
    return event


@given(headers=st.lists(st.tuples(PLAIN, VALUES), unique_by=lambda pair: pair[0].lower()))
def test_headers_of_the_caller_are_sent(headers: list[tuple[str, str]]) -> None:
    given = {name.lower().encode(): value.encode() for name, value in headers}
    kept = dict(sent(request(headers=tuple(headers))).headers)
    ours = {b"host": b"titanic.example.com", b"accept-encoding": b"identity", b"content-length": b"0"}
    assert kept == given | ours | {b"x-mlendpoints-replay": b"1"}


@pytest.mark.parametrize(
    "name",
    [
        *("Host", "Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Expect"),
        *("Content-Length", "Proxy-Authorization", "Authorization", "Cookie", "X-Api-Key", "X-Request-Id"),
        *("X-Auth-Token", "X-Aws-Session", "apikey"),
        *("traceparent", "X-Forwarded-For", "X-Envoy-Retry-On", "X-B3-TraceId", "X-Amzn-SageMaker-Target-Variant"),
        *("X-Mlendpoints-Retriable", "Accept-Encoding"),
    ],
)
def test_headers_of_the_connection_the_call_and_its_secrets_are_left_out(name: str) -> None:
    assert b"secret" not in [value for _, value in sent(request(headers=((name, "secret"),))).headers]


def test_headers_that_connection_names_and_redacted_ones_are_left_out() -> None:
    headers = (("Connection", "close, X-Hop"), ("X-Hop", "1"), ("X-Key", "[REDACTED]"), ("X-Kept", "1"))
    names = {name for name, _ in sent(request(headers=headers)).headers}
    assert names == {b"host", b"accept-encoding", b"content-length", b"x-mlendpoints-replay", b"x-kept"}


def test_headers_that_are_added_replace_recorded_ones() -> None:
    found = sent(request(headers=(("content-type", "text/csv"),)), **{"Content-Type": "application/json"})
    assert [value for name, value in found.headers if name == b"content-type"] == [b"application/json"]


@pytest.mark.parametrize(
    "header",
    [
        *(("A", "1\r\nHost: evil"), ("A", "1\n"), ("A", "1\x00"), ("A\r\nB", "1"), ("A:", "1"), ("", "1")),
        *((" A", "1"), ("A", "\x7f"), ("é", "1"), ("A" * 300, "1"), ("A", "x" * 200_000)),
    ],
)
def test_a_header_that_is_invalid_or_too_large_is_rejected(header: tuple[str, str]) -> None:
    assert reason(headers=(header,)) is Skipped.INVALID_HEADER


@pytest.mark.parametrize("method", ["", "get", "CONNECT", "TRACE", "GET / HTTP/1.1\r\nA:", "A" * 21])
def test_a_method_that_leads_elsewhere_is_rejected(method: str) -> None:
    assert reason(method=method) is Skipped.INVALID_METHOD


@pytest.mark.parametrize(
    "path",
    [
        *("", "a", "http://evil/", "*", "/ ", "/\r\nHost: evil", "/é", "/%", "/%zz", "/#a", '/"', "/{", "/a?b#c"),
        "/" + "a" * 100_000,
    ],
)
def test_a_path_that_is_not_one_is_rejected(path: str) -> None:
    assert reason(path=path) is Skipped.INVALID_PATH


@pytest.mark.parametrize("path", ["/", "//evil/x", "/a/../b", "/%2F%0a", "/a;b=c,d@e:f!$&'()*+~", "/a?b=/?c[d"])
def test_a_path_that_is_valid_is_sent_unchanged(path: str) -> None:
    if "[" in path:
        assert reason(path=path) is Skipped.INVALID_PATH
    else:
        assert sent(request(path=path)).target == path.encode()


def test_a_body_that_is_too_large_is_rejected() -> None:
    assert reason(body=b"x" * 101) is Skipped.BODY_TOO_LARGE


def test_what_was_replayed_is_not_replayed_again() -> None:
    assert reason(headers=(("x-mlendpoints-replay", "1"),)) is Skipped.REPLAYED
