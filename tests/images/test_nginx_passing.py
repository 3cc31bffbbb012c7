"""What Istio's gateway accepts passes the proxy unchanged, in both directions."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.images.processes import Running, nginx
from tests.images.raw import END, Script, exchange, get, scripted

pytestmark = pytest.mark.usefixtures("_base_unpacked")
TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"  # RFC 9110, 5.6.2
HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect", "host"}
BIG = 60 * 1024  # bytes, the most that Envoy takes


def answering(*lines: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"Content-Length: 2", b"Connection: close", *lines]) + END + b"ok"


def asked(folder: Path, model: Script, request: bytes) -> bytes:
    with nginx(folder, MODEL_PORT=str(model.port)) as proxy:
        return exchange(proxy.port, request)


@pytest.mark.parametrize("place", ["first", "middle"])
def test_every_character_of_a_header_name_passes_both_ways(place: str, tmp_path: Path) -> None:
    names = [f"{sign}x" if place == "first" else f"a{sign}x" for sign in TOKEN]
    lines = [f"{name}: {number}".encode() for number, name in enumerate(names)]
    with scripted(answering(*lines)) as model:
        answer = asked(tmp_path, model, get(*lines))
        assert set(lines) <= model.header_lines()
    assert set(lines) <= set(answer.split(b"\r\n"))


def test_any_header_passes_as_it_is(tmp_path: Path) -> None:
    names = st.text(TOKEN, min_size=1, max_size=40).filter(lambda name: name.lower() not in HOP_BY_HOP)
    values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=200)

    @settings(max_examples=50)
    @given(names, values)
    def passes(name: str, value: str) -> None:
        line = f"{name}: {value}".encode()
        model.heads.clear()
        exchange(proxy.port, get(line))
        assert line in model.header_lines()

    with scripted() as model, nginx(tmp_path, MODEL_PORT=str(model.port)) as proxy:
        passes()


@pytest.mark.parametrize(
    "request_", [get(b"x-big: " + b"x" * BIG), get(path=b"/" + b"x" * BIG), get(*([b"x-many: " + b"x" * 600] * 95))]
)
def test_a_request_head_of_60_kib_passes(request_: bytes, tmp_path: Path) -> None:
    with scripted() as model:
        assert asked(tmp_path, model, request_).startswith(b"HTTP/1.1 200 ")
        assert len(model.heads[0]) >= 95 * 600


@pytest.mark.parametrize("lines", [[b"x-big: " + b"x" * BIG], [b"x-many: " + b"x" * 600] * 95])
def test_an_answer_s_head_of_60_kib_passes(lines: list[bytes], tmp_path: Path) -> None:
    with scripted(answering(*lines)) as model:
        answer = asked(tmp_path, model, get())
    assert answer.count(lines[0]) == len(lines)


@pytest.mark.parametrize("host", [b"titanic.example.com", b"titanic.example.com:8080", b"Titanic", b"[::1]:8080"])
def test_the_host_keeps_its_port_and_its_case(host: bytes, tmp_path: Path) -> None:
    with scripted() as model:
        asked(tmp_path, model, get(host=b"Host: " + host))
        assert b"Host: " + host in model.header_lines()


def test_a_request_of_http_1_0_needs_no_host(tmp_path: Path) -> None:
    with scripted() as model:
        answer = asked(tmp_path, model, b"GET / HTTP/1.0" + END)
        assert b"Host: localhost" in model.header_lines()
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("path", [b"/a%2Fb//c/./d?q=%41&x=a/../b", b"/?", b"/a;b=c:@!$&'()*+,=~", b"//x"])
def test_the_path_and_query_pass_as_they_are(path: bytes, tmp_path: Path) -> None:
    with scripted() as model:
        asked(tmp_path, model, get(path=path))
        assert model.heads[0].startswith(b"GET " + path + b" HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "line",
    [
        b"Location: http://model/elsewhere",
        b"Date: Thu, 01 Jan 1970 00:00:00 GMT",
        b"Server: gunicorn",
        b"X-Pad: avoid browser bug",
        b"X-Accel-Redirect: /status",
        b"X-Accel-Limit-Rate: 1",
        b"X-Accel-Charset: utf-8",
        b"X-Accel-Buffering: yes",
        b"X-Accel-Expires: 5",
        b"Refresh: 5; url=http://model/x",
        b"Set-Cookie: a=b; Domain=model; Path=/x",
        b"Cache-Control: no-store",
        b"Expires: 0",
        b"Vary: *",
    ],
)
def test_no_header_of_an_answer_is_changed_obeyed_or_swallowed(line: bytes, tmp_path: Path) -> None:
    with scripted(answering(line)) as model:
        answer = asked(tmp_path, model, get())
    assert answer.endswith(END + b"ok")
    assert answer.split(b"\r\n").count(line) == 1


@pytest.mark.parametrize("name", [b"X_Request_Id", b"X.Request.Id"])
def test_a_header_that_only_looks_like_the_request_id_is_not_one(name: bytes, tmp_path: Path) -> None:
    with scripted() as model:
        answer = asked(tmp_path, model, get(name + b": other", b"X-Request-Id: mine"))
        assert {b"X-Request-Id: mine", name + b": other"} <= model.header_lines()
    assert b"\r\nX-Request-Id: mine\r\n" in answer


def test_both_ports_are_served_over_ipv6_too(tmp_path: Path) -> None:
    with scripted() as model, nginx(tmp_path, MODEL_PORT=str(model.port)) as proxy:
        assert exchange(proxy.port, get(), family="::1").startswith(b"HTTP/1.1 200 ")
        assert exchange(proxy.monitoring, get(path=b"/healthz"), family="::1").startswith(b"HTTP/1.1 200 ")


def test_an_early_answer_reaches_the_caller_before_the_body_is_whole(tmp_path: Path) -> None:
    """A limit is told at once, whatever is left to send."""
    with scripted() as model, nginx(tmp_path, MODEL_PORT=str(model.port), MAX_BODY_SIZE="1k") as proxy:
        assert _first_line(proxy, get(b"Content-Length: 2000") + b"x") == b"HTTP/1.1 413 Request Entity Too Large"


def _first_line(proxy: Running, request: bytes) -> bytes:
    return exchange(proxy.port, request).split(b"\r\n")[0]
