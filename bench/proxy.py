"""``python -m bench.proxy``: what the pod's proxy adds to a request, and what counting and capture cost of it.

Real: nginx as in its image. The model server behind it answers at once, so that
whatever is measured is the proxy's. Requests go, one after the other, to

- bare: the server itself
- proxy: nginx before the same server
- uncounted: the same nginx, but that it does not count
- capturing: the same nginx as the second, with capture of all requests to a spool that nobody ships

on connections that are kept, as a gateway's are. The four take turns every few
requests, each turn beginning with the next of them, so that all have the same
machine; the figures are medians over the turns. CPU is the time that nginx' worker ran
(``/proc/PID/schedstat``), whatever else the machine did. In the end /metrics is
scraped: it must have counted every request.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from statistics import median, quantiles

from tests.kit.model_proxy import entrypoint, put_proxy
from tests.kit.ports import free_port, listens
from tests.kit.waiting import wait_until

HOP_AIM = 300.0  # microseconds that the proxy may add to the median
P99_AIM = 1000.0  # microseconds that capture may add to the 99th percentile
COUNTING_AIM = 50.0  # microseconds of CPU that counting may take
SCRAPES = 10
WARM_UP = 10  # turns
BODY = bytes(1 << 10)
REQUEST = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
NAMES = {"ENDPOINT": "titanic", "VARIANT": "blue", "MODEL": "titanic-rfc", "VERSION": "iqarvt52", "INSTANCE": "x"}
CAPTURE = {
    "percentage": 100.0,
    "input": True,
    "output": True,
    "contentTypes": [],
    "maxBytes": 64 << 10,
    "headers": [],
    "paths": [],
    "memory": 64 << 20,
    "spool": 1 << 30,
    "names": {name.lower(): text for name, text in NAMES.items()},
}
UNCOUNTED = """
import progress from 'progress.js';
function count(r) {
    progress.end(r);
    return '1';
}
export default { count };
"""


@dataclass
class Figures:
    """What the turns of one kind took, in microseconds of a request: its median, nginx' CPU, and each request."""

    durations: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    each: list[float] = field(default_factory=list)


@dataclass
class Target:
    """Where requests go."""

    connection: socket.socket
    worker: int = 0
    monitoring: int = 0
    sent: int = 0

    def turn(self, requests: int, figures: Figures) -> None:
        """Sends so many requests and keeps the figures."""
        before = _ran(self.worker)
        each = [_request(self.connection) / 1000 for _ in range(requests)]
        figures.each += each
        figures.durations.append(median(each))
        figures.cpu.append((_ran(self.worker) - before) / requests / 1000)
        self.sent += requests


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; an aim that is missed is no failure."""
    options = _parser().parse_args(arguments)
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    kinds = [Figures() for _ in range(4)]
    for _ in range(options.runs):
        _run(kinds, turns=options.turns, requests=options.requests)
    _report(*kinds, requests=options.runs * options.turns * options.requests)
    return 0


def _run(kinds: list[Figures], *, turns: int, requests: int) -> None:
    """Adds the turns of one run; processes of the same program differ, so each run has its own."""
    with ExitStack() as stack:
        server = stack.enter_context(_server())
        proxy = stack.enter_context(_proxy(server))
        uncounted = stack.enter_context(_proxy(server, counted=False))
        capturing = stack.enter_context(_proxy(server, capturing=True))
        targets = [Target(_connected(stack, server)), proxy, uncounted, capturing]
        for number in range(-WARM_UP, turns):
            for each in range(len(targets)):
                which = (number + each) % len(targets)
                targets[which].turn(requests, Figures() if number < 0 else kinds[which])
        _scrape(proxy)
        _check(capturing)


def _check(capturing: Target) -> None:
    """Prints whether every request was captured."""
    lines = _get(capturing.monitoring).splitlines()
    found = [line for line in lines if line.startswith("mlendpoints_capture_records_total{") and "captured" in line]
    captured = sum(float(line.rsplit(" ", 1)[1]) for line in found)
    print(f"captured: {captured:.0f} of {capturing.sent} requests", flush=True)


def _scrape(proxy: Target) -> None:
    """Prints what a scrape takes, and whether it counts what was sent."""
    before = _ran(proxy.worker)
    texts = [_get(proxy.monitoring) for _ in range(SCRAPES)]
    taken = (_ran(proxy.worker) - before) / SCRAPES / 1e6
    lines = [line for line in texts[-1].splitlines() if line.startswith("mlendpoints_requests_total{")]
    counted = sum(float(line.rsplit(" ", 1)[1]) for line in lines)
    print(f"counted: {counted:.0f} of {proxy.sent} requests; a scrape takes {taken:.2f} ms of CPU", flush=True)


def _report(bare: Figures, proxy: Figures, uncounted: Figures, capturing: Figures, *, requests: int) -> None:
    hop = _difference(proxy.durations, bare.durations)
    counting = _difference(proxy.cpu, uncounted.cpu)
    ratio = median(with_it / without for with_it, without in zip(proxy.durations, bare.durations, strict=True))
    share = median(with_it / without for with_it, without in zip(proxy.cpu, uncounted.cpu, strict=True))
    print(f"{requests} requests of each kind, one at a time; medians of the turns")
    print(f"p50: bare {median(bare.durations):.0f} us, through the proxy {median(proxy.durations):.0f} us")
    print(f"hop: {hop:.0f} us more, {ratio:.2f} times (aim: {HOP_AIM:.0f} us{_missed(hop, HOP_AIM)})")
    print(f"CPU of nginx a request: {median(proxy.cpu):.0f} us, uncounted {median(uncounted.cpu):.0f} us")
    print(
        f"counting: {counting:.0f} us, {share:.2f} times (aim: {COUNTING_AIM:.0f} us{_missed(counting, COUNTING_AIM)})"
    )
    _report_capture(proxy, capturing)
    print(f"load at the end: {os.getloadavg()[0]:.1f}")


def _report_capture(without: Figures, with_it: Figures) -> None:
    tails = [quantiles(figures.each, n=100)[98] for figures in (without, with_it)]
    more = tails[1] - tails[0]
    print(
        f"capture: {_difference(with_it.cpu, without.cpu):.0f} us of CPU, "
        f"{_difference(with_it.durations, without.durations):.0f} us of the median; "
        f"p99 {tails[0]:.0f} us without, {tails[1]:.0f} us with it (aim: {P99_AIM:.0f} us more{_missed(more, P99_AIM)})"
    )


def _missed(value: float, aim: float) -> str:
    return "" if value <= aim else ", missed"


def _difference(with_it: list[float], without: list[float]) -> float:
    return median(one - other for one, other in zip(with_it, without, strict=True))


def _request(connection: socket.socket) -> int:
    """Nanoseconds."""
    begin = time.perf_counter_ns()
    connection.sendall(REQUEST)
    answer = b""
    while not answer.endswith(b"\r\n\r\nok"):
        part = connection.recv(1 << 16)
        if not part:
            raise SystemExit("a connection was closed")
        answer += part
    taken = time.perf_counter_ns() - begin
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(f"a request was answered with {answer[:80]!r}")
    return taken


def _get(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/metrics")
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    if answer.status != HTTPStatus.OK:
        raise SystemExit(f"a scrape was answered with {answer.status}")
    return text


def _ran(pid: int) -> int:
    """Nanoseconds that the process has run; 0 for none."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) if pid else 0


@contextmanager
def _server() -> Iterator[int]:
    """The port of a server that answers at once, a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = multiprocessing.Process(target=_serve, args=(listener,), daemon=True)
        process.start()
        try:
            yield listener.getsockname()[1]
        finally:
            process.terminate()
            process.join()


def _serve(listener: socket.socket) -> None:
    """A process for each connection: none waits for another's."""
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if os.fork() == 0:
            _answer(connection)
            os._exit(0)
        connection.close()


def _answer(connection: socket.socket) -> None:
    received = b""
    while part := connection.recv(1 << 16):
        received += part
        _, _, body = received.partition(b"\r\n\r\n")
        if len(body) == len(BODY):
            received = b""
            connection.sendall(ANSWER)


@contextmanager
def _proxy(server: int, *, counted: bool = True, capturing: bool = False) -> Iterator[Target]:
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder, port, monitoring = Path(scratch), free_port(), free_port()
        settings = put_proxy(folder, port=port, monitoring=monitoring) | NAMES | {"MODEL_PORT": str(server)}
        if capturing:
            spool = folder / "spool"
            spool.mkdir()
            settings["CAPTURE"] = json.dumps(CAPTURE | {"folder": str(spool)})
        if not counted:
            entrypoint(folder).with_name("counts.js").write_text(UNCOUNTED)
        log = stack.enter_context((folder / "log").open("wb"))
        command = ["sh", str(entrypoint(folder))]
        process = stack.enter_context(subprocess.Popen(command, env=settings, stdout=log, stderr=subprocess.DEVNULL))
        stack.callback(process.terminate)
        wait_until(lambda: listens(port), "nginx listens", timeout=60)
        (children,) = Path(f"/proc/{process.pid}/task").glob("*/children")
        yield Target(_connected(stack, port), int(children.read_text()), monitoring)


def _connected(stack: ExitStack, port: int) -> socket.socket:
    connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.proxy", description=__doc__)
    parser.add_argument("--requests", type=int, default=50, help="requests of a turn (50)")
    parser.add_argument("--turns", type=int, default=60, help="turns of each kind in a run (60)")
    parser.add_argument("--runs", type=int, default=5, help="runs, each with processes of its own (5)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
