"""What the proxy counts: every request of callers, once, by the status that the caller got, and nothing else."""

import http.client
import os
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.images.metered import DURATION, IN_FLIGHT, LATENCIES, LOST, Pod, a_pod, buckets, codes, monitoring, value
from tests.images.processes import ROOT, Running, ask, nginx, until
from tests.images.raw import END, exchange, get, received, scripted
from tests.kit.ports import free_port, listens

pytestmark = pytest.mark.usefixtures("_base_unpacked")
CALLERS = 8
EACH = 250  # requests of each caller
PING = "/.well-known/mlendpoints/ping"


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    with a_pod(tmp_path, MAX_BODY_SIZE="64k", BODY_ROOM="32k") as running:
        yield running


def send(proxy: Running, number: int) -> Counter[str]:
    """The statuses of a caller's requests, of every kind in turn, on connections that are kept."""
    kinds: list[tuple[str, str, bytes, dict[str, str]]] = [
        ("POST", "/invocations", b"x", {}),
        ("POST", "/status/400", b"x", {}),
        ("POST", "/status/503", b"x", {}),
        ("GET", "/status/599", b"", {}),
        ("POST", "/invocations", bytes(20 * 1024), {}),
        ("POST", "/invocations", bytes(40 * 1024), {}),  # does not fit in the room for bodies
        ("POST", "/invocations", bytes(70 * 1024), {}),  # too large
        ("GET", "/", b"", {"Upgrade": "websocket"}),
        ("GET", "/.error/busy", b"", {}),
        ("GET", "//.well-known/mlendpoints/ping", b"", {}),
    ]
    seen: Counter[str] = Counter()
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port)
    for turn in range(EACH):
        method, path, body, headers = kinds[(turn + number) % len(kinds)]
        seen[str(ask(connection, method, path, body=body, headers=headers).status)] += 1
    connection.close()
    return seen


def test_what_is_sent_is_counted_by_the_status_that_callers_got(pod: Pod) -> None:
    with ThreadPoolExecutor(CALLERS) as callers:
        got = sum(callers.map(lambda number: send(pod.proxy, number), range(CALLERS)), Counter[str]())
    assert sum(got.values()) == CALLERS * EACH
    assert set(got) >= {"200", "400", "404", "413", "501", "503", "599"}
    assert pod.codes() == got
    assert pod.logged() == got
    assert buckets(pod.proxy, DURATION)["+Inf"] == CALLERS * EACH
    assert value(pod.proxy, LOST) == 0


def test_only_what_the_model_accepted_has_a_model_latency(pod: Pod) -> None:
    send(pod.proxy, 0)
    reached = len(pod.model.requests)
    assert 0 < reached < EACH
    counts = {name: value(pod.proxy, name, suffix="_count") for name in LATENCIES}
    assert counts == dict.fromkeys(LATENCIES, reached)


def test_a_model_that_refuses_connections_does_not_seem_fast(tmp_path: Path) -> None:
    with nginx(tmp_path, MODEL_PORT=str(free_port())) as proxy:
        assert proxy.ask("POST", "/invocations", b"x").status == 502
        assert codes(proxy) == {"502": 1}
        assert [value(proxy, name, suffix="_count") for name in (*LATENCIES, DURATION)] == [0, 0, 1]


def test_model_latency_and_overhead_add_up_to_the_duration(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        nginx(tmp_path, MODEL_PORT=str(silent.getsockname()[1]), INVOCATION_TIMEOUT="300ms") as proxy,
    ):
        assert proxy.ask("POST", "/invocations", b"x").status == 504
        model, overhead, whole = (value(proxy, name, suffix="_sum") for name in (*LATENCIES, DURATION))
        found = buckets(proxy, "mlendpoints_model_latency_seconds")
    assert model >= 0.3
    assert overhead >= 0
    assert model + overhead == pytest.approx(max(model, whole))
    assert (found["0.2"], found["+Inf"]) == (0, 1)


def test_a_caller_who_leaves_is_a_499(pod: Pod) -> None:
    for _ in range(3):
        pod.model.held.clear()
        with socket.create_connection(("127.0.0.1", pod.proxy.port)) as caller:
            caller.sendall(get(path=b"/silent"))
            until(pod.model.held.is_set)
    until(lambda: pod.codes().get("499") == 3)
    assert pod.codes() == pod.logged() == {"499": 3}


def test_more_requests_than_are_handled_at_once_are_counted_as_busy(pod: Pod) -> None:
    template = ROOT / "images" / "nginx" / "nginx.conf.template"
    assert "limit_conn              requests 1000;" in template.read_text()
    with ThreadPoolExecutor(1) as callers:
        connections = [socket.create_connection(("127.0.0.1", pod.proxy.port)) for _ in range(1000)]
        for connection in connections:
            connection.sendall(get(b"Content-Length: 1"))
        last = callers.submit(lambda: pod.proxy.ask("GET", "/invocations").status)
        until(last.done)
        for connection in connections:
            connection.close()
    assert last.result() == 503
    until(lambda: sum(pod.codes().values()) == 1001)
    assert pod.codes()["503"] == 1
    assert pod.codes() == pod.logged()


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01" + END,
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: x\r\nConn",
        b"GET /\r\n",
        get(b"Content-Length: 10") + b"x",
        get(b"Transfer-Encoding: chunked") + b"no length\r\n",
        get() + get(path=b"/status/400"),
    ],
)
def test_whatever_arrives_is_counted_as_it_is_logged(request_: bytes, pod: Pod) -> None:
    with socket.create_connection(("127.0.0.1", pod.proxy.port)) as caller:
        caller.sendall(request_)
        caller.shutdown(socket.SHUT_WR)
        received(caller)
    pod.proxy.ask("GET", "/invocations", x_request_id="the-last")
    assert pod.proxy.lines(holding="the-last")
    assert pod.codes() == pod.logged()


def test_an_answer_that_the_proxy_rejects_is_one_502(tmp_path: Path) -> None:
    with scripted(b"HTTP/1.1 103 Early Hints" + END) as model, nginx(tmp_path, MODEL_PORT=str(model.port)) as proxy:
        assert exchange(proxy.port, get()).startswith(b"HTTP/1.1 502 ")
        assert codes(proxy) == {"502": 1}
        assert value(proxy, IN_FLIGHT) == 0


def test_probes_pings_hooks_and_scrapes_do_not_count(pod: Pod) -> None:
    assert pod.proxy.ask("GET", PING).status == 200
    for path in ("/healthz", "/ready", "/status", "/metrics", "/drain?seconds=0", "/drained?seconds=0"):
        assert monitoring(pod.proxy, path).status == 200
    assert pod.codes() == {}
    assert value(pod.proxy, DURATION, suffix="_count") == 0


def test_a_caller_cannot_pose_as_a_ping(pod: Pod) -> None:
    assert pod.proxy.ask("POST", PING, b"x").status == 200
    assert pod.proxy.ask("GET", f"{PING}?a=b").status == 200
    assert pod.codes() == pod.logged() == {"200": 2}


def test_what_the_model_works_on_is_in_flight_until_it_is_answered(pod: Pod) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", pod.proxy.port)) as connection:
        connection.request("GET", "/hold")
        answer = connection.getresponse()
        assert answer.read(6) == b"first "
        assert value(pod.proxy, IN_FLIGHT) == 1
        assert pod.codes() == {}
        pod.model.go_on.set()
        assert answer.read() == b"second"
    assert value(pod.proxy, IN_FLIGHT) == 0
    assert pod.codes() == {"200": 1}


def test_bytes_are_those_on_the_wire(pod: Pod) -> None:
    request = get(b"Content-Length: 20000") + bytes(20000)
    answers = [exchange(pod.proxy.port, request), exchange(pod.proxy.port, get(path=b"/.error/busy"))]
    assert value(pod.proxy, "mlendpoints_request_bytes_total") == len(request) + len(get(path=b"/.error/busy"))
    assert value(pod.proxy, "mlendpoints_response_bytes_total") == sum(map(len, answers))


def test_a_worker_that_crashes_loses_only_what_was_in_flight(pod: Pod) -> None:
    assert pod.proxy.ask("POST", "/invocations", b"x").status == 200
    with socket.create_connection(("127.0.0.1", pod.proxy.port)) as caller:
        caller.sendall(get(path=b"/silent"))
        until(pod.model.held.is_set)
        os.kill(worker(pod.proxy), signal.SIGKILL)
        assert received(caller) == b""
    until(lambda: worker(pod.proxy) and listens(pod.proxy.monitoring))
    assert pod.codes() == {"200": 1}
    assert value(pod.proxy, IN_FLIGHT) == 0
    assert pod.proxy.ask("POST", "/invocations", b"x").status == 200
    assert pod.codes() == {"200": 2}


def worker(proxy: Running) -> int:
    (children,) = Path(f"/proc/{proxy.process.pid}/task").glob("*/children")
    return int((children.read_text().split() or ["0"])[0])
