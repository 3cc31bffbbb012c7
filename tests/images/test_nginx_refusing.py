"""What the proxy itself rejects is JSON that names the limit or the cause, never a page of nginx's."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.images.processes import Running, nginx
from tests.images.raw import END, OK, exchange, get, received, scripted
from tests.kit.ports import free_port

pytestmark = pytest.mark.usefixtures("_base_unpacked")
MALFORMED = "the request is not valid HTTP/1.1: check its request line, Host, Content-Length and header names"
LINE = "the request line is longer than 64 KiB"
HEAD = "a header line is longer than 64 KiB, or all headers together are longer than 128 KiB"
METHOD = "TRACE is not supported"
CHUNKED = get(b"Transfer-Encoding: chunked") + b"401\r\n" + bytes(1025) + b"\r\n0\r\n\r\n"
RETRIABLE = b"\r\nX-Mlendpoints-Retriable: true"
PROXYS = "the path is one of the proxy's own"
HOST = b"\r\nHost: x\r\nConnection: close\r\n"


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Running]:
    with scripted() as model, nginx(tmp_path, MODEL_PORT=str(model.port), MAX_BODY_SIZE="1k") as running:
        yield running


def rejection(answer: bytes) -> tuple[int, str]:
    """Status and reason of a JSON answer."""
    head, _, body = answer.partition(END)
    assert b"\r\nContent-Type: application/json\r\n" in head
    assert b"\r\nX-Request-Id: " in head
    return int(head.split()[1]), json.loads(body)["error"]


@pytest.mark.parametrize(
    ("request_", "status", "reason"),
    [
        (b"\x16\x03\x01\x02\x00\x01" + END, 400, MALFORMED),
        (b"get / HTTP/1.1" + HOST + END, 400, MALFORMED),
        (b"GET nowhere HTTP/1.1" + HOST + END, 400, MALFORMED),
        (b"GET /%zz HTTP/1.1" + HOST + END, 400, MALFORMED),
        (b"GET /%00 HTTP/1.1" + HOST + END, 400, MALFORMED),
        (b"GET /../.. HTTP/1.1" + HOST + END, 400, MALFORMED),
        (b"GET / HTTP/1.1\r\nConnection: close" + END, 400, MALFORMED),
        (get(b"Host: another"), 400, MALFORMED),
        (get(host=b"Host: a/b"), 400, MALFORMED),
        (get(b"bad name: 1"), 400, MALFORMED),
        (get(b"x: a\0b"), 400, MALFORMED),
        (get(b"Content-Length: many"), 400, MALFORMED),
        (get(b"Content-Length: 1", b"Content-Length: 2"), 400, MALFORMED),
        (get(b"Content-Length: 1", b"Transfer-Encoding: chunked"), 400, MALFORMED),
        (get(b"Transfer-Encoding: chunked") + b"no length\r\n", 400, MALFORMED),
        (b"TRACE / HTTP/1.1" + HOST + END, 405, METHOD),
        (b"CONNECT x:1 HTTP/1.1" + HOST + END, 400, MALFORMED),
        (get(b"Content-Length: 1025"), 413, "the body is larger than 1k"),
        (CHUNKED, 413, "the body is larger than 1k"),
        (get(path=b"/" + b"x" * (1 << 16)), 414, LINE),
        (get(b"x: " + b"x" * (1 << 16)), 431, HEAD),
        (get(*[b"x: " + b"x" * 60000] * 3), 431, HEAD),
        (get(b"Transfer-Encoding: gzip"), 501, "the only Transfer-Encoding that is supported is chunked"),
        (b"GET / HTTP/3.0" + HOST + END, 505, "HTTP/1.1 is supported, and HTTP/1.0"),
    ],
)  # fmt: skip
def test_what_nginx_rejects_is_json_that_names_the_cause(
    request_: bytes, status: int, reason: str, proxy: Running
) -> None:
    assert rejection(exchange(proxy.port, request_)) == (status, reason)


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 200 OK\r\nx: " + b"x" * (1 << 16) + END, b"HTTP/1.1 200 OK\r\nbad name: 1" + END],
)
def test_an_answer_that_cannot_be_read_is_not_called_silence(answer: bytes, tmp_path: Path) -> None:
    reason = (
        "the model server's answer could not be read: a header is not valid, or all together are larger than 64 KiB"
    )
    with scripted(answer) as model, nginx(tmp_path, MODEL_PORT=str(model.port)) as proxy:
        assert rejection(exchange(proxy.port, get())) == (502, reason)


def test_a_model_that_closes_the_connection_is_told_apart(tmp_path: Path) -> None:
    with scripted(b"") as model, nginx(tmp_path, MODEL_PORT=str(model.port)) as proxy:
        answer = exchange(proxy.port, get())
    assert rejection(answer) == (502, "the model server closed the connection without an answer")


@pytest.mark.parametrize("size", [0, 20_000])
def test_a_model_that_is_not_there_is_named_by_its_port_and_gateways_may_ask_another(size: int, tmp_path: Path) -> None:
    port = free_port()
    with nginx(tmp_path, MODEL_PORT=str(port)) as proxy:
        answer = exchange(proxy.port, get(b"Content-Length: %d" % size) + bytes(size))
    assert rejection(answer) == (502, f"the model server does not answer on port {port}")
    assert RETRIABLE in answer


@pytest.mark.parametrize("given", [b"", OK.replace(END, RETRIABLE + END)])
def test_a_model_that_was_asked_is_never_called_retriable(given: bytes, tmp_path: Path) -> None:
    with scripted(given) as model, nginx(tmp_path, MODEL_PORT=str(model.port)) as proxy:
        answer = exchange(proxy.port, get())
    assert answer.startswith(b"HTTP/1.1 200 " if given else b"HTTP/1.1 502 ")
    assert b"retriable" not in answer.lower()


def test_a_queue_that_is_full_is_not_called_silence(tmp_path: Path) -> None:
    reason = "the model server did not accept a connection within 5s: all its workers are busy, and its queue is full"
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), nginx(tmp_path, MODEL_PORT=str(port)) as proxy:
            assert rejection(exchange(proxy.port, get())) == (504, reason)


def test_a_refusal_of_the_model_s_own_passes_as_it_is(tmp_path: Path) -> None:
    page = b"HTTP/1.1 413 Too Much\r\nContent-Length: 3\r\nConnection: close\r\n\r\nown"
    with scripted(page) as model, nginx(tmp_path, MODEL_PORT=str(model.port)) as proxy:
        assert exchange(proxy.port, get()).endswith(END + b"own")


PING = b"/.well-known/mlendpoints/ping"


@pytest.mark.parametrize(
    ("method", "path", "logged"),
    [
        (b"GET", PING, False),
        *((method, PING, True) for method in (b"HEAD", b"POST", b"DELETE", b"PATCH")),
        (b"GET", PING + b"?a=b", True),
    ],
)
def test_the_ping_names_the_instance_and_is_logged_unless_a_gateway_asks(
    method: bytes, path: bytes, *, logged: bool, tmp_path: Path
) -> None:
    with scripted() as model, nginx(tmp_path, MODEL_PORT=str(model.port), INSTANCE="rfc-1") as proxy:
        request = get(b"X-Request-Id: ping", b"Content-Length: 3", path=path) + b"abc"
        answer = exchange(proxy.port, method + request.removeprefix(b"GET"))
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(END + (b"" if method == b"HEAD" else b"rfc-1"))
        exchange(proxy.port, get(b"X-Request-Id: next"))
        assert proxy.lines(holding="next")
        assert len(model.heads) == 1
        assert ('"ping"' in proxy.output.read_text()) == logged


@pytest.mark.parametrize(
    "path",
    [
        b"//.well-known//mlendpoints/ping",
        b"/%2ewell-known/mlendpoints/ping",
        b"/.well-known/mlendpoints%2fping",
        b"/x/.." + PING,
    ],
)
def test_a_ping_in_another_spelling_is_no_ping(path: bytes, proxy: Running) -> None:
    answer = exchange(proxy.port, get(b"X-Request-Id: odd", path=path))
    assert rejection(answer) == (404, PROXYS)
    assert proxy.lines(holding="odd")


@pytest.mark.parametrize("request_", [
    get(b"Upgrade: websocket", b"Connection: Upgrade"),
    get(b"Upgrade: h2c, WebSocket", b"Connection: Upgrade"),
    get(b"Upgrade: websocket", b"Content-Length: 100").replace(b"GET", b"POST"),
    get(b"Upgrade: websocket", b"Transfer-Encoding: chunked").replace(b"GET", b"POST"),
])  # fmt: skip
def test_a_websocket_is_rejected_before_its_body_comes_and_before_the_model_works(
    request_: bytes, tmp_path: Path
) -> None:
    with scripted() as model, nginx(tmp_path, MODEL_PORT=str(model.port)) as proxy:
        assert rejection(exchange(proxy.port, request_)) == (501, "WebSocket is not supported")
        assert model.heads == []


def test_an_upgrade_to_http_2_is_ignored(proxy: Running) -> None:
    assert exchange(proxy.port, get(b"Upgrade: h2c", b"Connection: Upgrade")).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(("method", "status"), [(b"POST", 413), (b"\x16", 400)])
def test_the_log_names_the_method_of_what_the_proxy_rejects(method: bytes, status: int, proxy: Running) -> None:
    request = get(b"Content-Length: 2000", b"X-Request-Id: odd")
    assert rejection(exchange(proxy.port, method + request.removeprefix(b"GET")))[0] == status
    (line,) = proxy.lines(holding=f'"status":{status}')
    assert line["method"] == (method.decode() if method == b"POST" else "")


def test_nobody_reads_the_pages_of_errors_by_asking_for_them(proxy: Running) -> None:
    answer = exchange(proxy.port, get(path=b"/.error/timeout"))
    assert rejection(answer) == (404, PROXYS)


def test_a_404_of_the_model_s_own_passes_as_it_is(tmp_path: Path) -> None:
    page = b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nConnection: close\r\n\r\nown"
    with scripted(page) as model, nginx(tmp_path, MODEL_PORT=str(model.port)) as proxy:
        assert exchange(proxy.port, get()).endswith(END + b"own")


def test_no_error_log_tells_who_asked_what(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The access log has the status, and what the model did."""
    folder = tmp_path / "client_body"
    with nginx(tmp_path, MODEL_PORT=str(free_port())) as proxy:
        request = get(b"Referer: http://x/?secret", b"X-Request-Id: gone", path=b"/invocations?secret")
        assert rejection(exchange(proxy.port, request))[0] == 502
        folder.rename(tmp_path / "away")  # a failure to write a body, "crit" to nginx
        body = get(b"Content-Length: 100000", path=b"/invocations?secret") + bytes(100000)
        assert rejection(exchange(proxy.port, body))[0] == 503
        (line,) = proxy.lines(holding="gone")
        assert (line["status"], line["upstream_status"]) == (502, "502")
        assert "secret" not in proxy.output.read_text()
    assert "secret" not in capfd.readouterr().err


def test_a_stream_lasts_as_long_as_bytes_flow_and_is_ended_by_silence(tmp_path: Path) -> None:
    limit = 0.5
    with ExitStack() as stack:
        model = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = str(model.getsockname()[1])
        proxy = stack.enter_context(nginx(tmp_path, MODEL_PORT=port, INVOCATION_TIMEOUT="500ms"))
        caller = stack.enter_context(socket.create_connection(("127.0.0.1", proxy.port)))
        caller.sendall(get())
        server = stack.enter_context(model.accept()[0])
        received(server, until=END)
        server.sendall(b"HTTP/1.1 200 OK" + END)
        begin = time.monotonic()
        while time.monotonic() < begin + 3 * limit:
            server.sendall(b"x")
            assert received(caller, until=b"x\r\n")
        assert received(caller) == b""
