"""A model can take Fluent Bit's port and say what it likes, as slowly as it likes: it adds and stops nothing."""

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.images.exporter import Exporter, Process, answer, text
from tests.images.metered import OK, metrics, monitoring
from tests.images.processes import Running, ask, until
from tests.images.watched import CPU, MEMORY, NAMES, UP, a_process, is_up, samples, until_said, watched, watching
from tests.kit.ports import free_port

pytestmark = pytest.mark.usefixtures("_base_unpacked")
KIB = 1024
PARTS = {"model", "nginx", "other"}


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[tuple[Exporter, Running]]:
    with watched(tmp_path) as both:
        yield both


def line(pid: object, value: str, *, name: str = "cpu_seconds_total", further: str = ',mode="user"') -> str:
    return f'process_{name}{{name="x",pid="{pid}",ppid="0"{further}}} {value}\n'


IGNORED = {
    "not a number": line("PID", "NaN"),
    "infinite": line("PID", "+Inf"),
    "negative": line("PID", "-5"),
    "huge": line("PID", "1e300"),
    "more digits than a number has": line("PID", "9" * 16),
    "hexadecimal": line("PID", "0x10"),
    "two numbers": line("PID", "1 2"),
    "another mode": line("PID", "5", further=',mode="idle"'),
    "no mode": line("PID", "5", further=""),
    "no process": 'process_cpu_seconds_total{name="x",mode="user"} 5\n',
    "process 0": line("0", "5"),
    "a path": line("../1", "5"),
    "a process that does not exist": line("4194999", "5"),
    "an unknown name": line("PID", "5", name="surprise_total"),
    "a name that every object has": line("PID", "5", name="constructor", further=""),
    "another prefix": "x" + line("PID", "5"),
    "one of our own names": 'mlendpoints_process_cpu_seconds_total{process="model",mode="user"} 5\n',
    "labels in a name": 'process_cpu_seconds_total{name="\\",pid=\\"PID\\"",ppid="0",mode="user"} 5\n',
    "a long line": line("PID", "5", further=f',mode="user",more="{"x" * 600}"'),
    "not UTF-8": "\udcff\udcfe\n",
    "no line": "\0" * 100,
}


@pytest.mark.parametrize("hostile", IGNORED.values(), ids=IGNORED.keys())
def test_what_is_no_plain_number_of_a_known_name_is_ignored(pod: tuple[Exporter, Running], hostile: str) -> None:
    fluent_bit, proxy = pod
    with a_process() as process:
        honest = text(Process(process.pid, user=3))
        fluent_bit.says((honest + hostile.replace("PID", str(process.pid))).encode(errors="surrogateescape"))
        fluent_bit.until_asked(3)
        until(lambda: is_up(proxy) or None)
        found = metrics(proxy)
    assert {s.labels["mode"]: s.value for s in found[CPU].samples} == {"user": 3, "system": 0}
    assert {s.labels["process"] for name in NAMES - {UP} if name in found for s in found[name].samples} == {"model"}


def test_counters_do_not_go_down_whatever_is_said(pod: tuple[Exporter, Running]) -> None:
    with a_process() as process:
        counted = [
            until_said(*pod, Process(process.pid, user=user))[CPU]["model", "user"] for user in (5, 3, 0, 4, 6, 1, 7)
        ]
    assert counted == [5, 5, 5, 5, 6, 6, 7]


def test_what_was_not_said_for_a_while_counts_once(pod: tuple[Exporter, Running]) -> None:
    with a_process() as process, a_process() as other:
        until_said(*pod, Process(process.pid, user=5))
        until_said(*pod, Process(other.pid))
        assert until_said(*pod, Process(process.pid, user=6))[CPU]["model", "user"] == 6


def test_what_is_said_twice_counts_once(pod: tuple[Exporter, Running]) -> None:
    with a_process() as process:
        twice = line(process.pid, "8") * 500
        assert until_said(*pod, Process(process.pid, user=3), others=twice)[CPU]["model", "user"] == 8


def test_no_number_of_processes_or_lines_adds_a_series(pod: tuple[Exporter, Running]) -> None:
    invented = "".join(line(pid, "1") for pid in range(4000000, 4002500))
    with a_process() as process:
        said = until_said(*pod, Process(process.pid, user=3), others=invented)
    assert {key[0] for name in (CPU, MEMORY) for key in said[name]} <= PARTS
    assert said[CPU]["model", "user"] == 3


Answer = Callable[[socket.socket], None]
HONEST = text(Process(1, user=3))


def dribble(caller: socket.socket) -> None:
    caller.sendall(answer(HONEST)[:-200])
    while True:  # a byte now and then, until the proxy closes the connection
        caller.sendall(b"#")
        threading.Event().wait(0.02)


def flood(caller: socket.socket) -> None:
    caller.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        caller.sendall(b"# " + b"x" * 64 * KIB + b"\n")


def hang(caller: socket.socket) -> None:
    caller.recv(1)


SLOW: dict[str, Answer] = {"hangs": hang, "dribbles": dribble}
UNAVAILABLE: dict[str, Answer] = {
    "closes": lambda _: None,
    "floods": flood,
    "too large": lambda caller: caller.sendall(answer(HONEST + "#" * 256 * KIB)),
    "announces too much": lambda caller: caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
    "fails": lambda caller: caller.sendall(answer(HONEST, status="500 Oops")),
    "redirects": lambda caller: caller.sendall(
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9090/\r\nContent-Length: 0\r\n\r\n"
    ),
    "is no HTTP": lambda caller: caller.sendall(b"\0" * 1000),
    "is half HTTP": lambda caller: caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "has endless headers": lambda caller: caller.sendall(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100000),
    "is chunked badly": lambda caller: caller.sendall(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx"
    ),
    "says nothing": lambda caller: caller.sendall(answer("")),
    "says nothing of processes": lambda caller: caller.sendall(answer("up 1\n" * 1000)),
}


@pytest.mark.parametrize("serve", UNAVAILABLE.values(), ids=UNAVAILABLE.keys())
def test_one_that_does_not_answer_properly_harms_neither_the_rest_nor_callers_and_recovers(
    pod: tuple[Exporter, Running], serve: Answer
) -> None:
    fluent_bit, proxy = pod
    with a_process() as process:
        until_said(*pod, Process(process.pid, user=5))
        fluent_bit.serve = serve
        fluent_bit.until_asked(2)
        until(lambda: not is_up(proxy) or None)
        assert metrics(proxy).keys() & NAMES == {UP}
        assert_it_serves(proxy)
        assert until_said(*pod, Process(process.pid, user=6))[CPU]["model", "user"] == 6


@pytest.mark.parametrize("serve", SLOW.values(), ids=SLOW.keys())
def test_one_that_takes_longer_than_a_second_is_given_up_and_asked_again(tmp_path: Path, serve: Answer) -> None:
    with watched(tmp_path, interval="1500ms") as (fluent_bit, proxy), a_process() as process:
        fluent_bit.serve = serve
        until(lambda: samples(proxy, UP) == {(): 0} or None)
        assert metrics(proxy).keys() & NAMES == {UP}
        assert_it_serves(proxy)
        fluent_bit.says(text(Process(process.pid, user=6)))
        until(lambda: samples(proxy, CPU).get(("model", "user")) == 6 or None)


def assert_it_serves(proxy: Running) -> None:
    assert "mlendpoints_requests_total" in metrics(proxy)
    with closing(http.client.HTTPConnection("127.0.0.1", proxy.monitoring)) as kubelet:
        assert ask(kubelet, "GET", "/healthz", headers={}).status == OK
    assert proxy.ask("GET", "/.well-known/mlendpoints/ping").status == OK
    assert proxy.process.poll() is None


def test_no_scrape_waits_for_an_answer(pod: tuple[Exporter, Running]) -> None:
    fluent_bit, proxy = pod
    with held(fluent_bit):
        fluent_bit.until_asked()
        assert monitoring(proxy, "/metrics").status == OK


@contextmanager
def held(fluent_bit: Exporter) -> Iterator[None]:
    """Until the block ends, it answers nobody."""
    released = threading.Event()

    def wait(_: socket.socket) -> None:
        released.wait()

    fluent_bit.serve = wait
    try:
        yield
    finally:
        released.set()


def test_nobody_on_its_port_is_no_more_than_a_missing_metric(tmp_path: Path) -> None:
    with watching(tmp_path, free_port()) as proxy:
        until(lambda: UP in metrics(proxy) or None)
        assert not is_up(proxy)
        assert_it_serves(proxy)
