"""``python -m bench.uploads``: what callers feel of many slow uploads to the same pod.

Real: nginx as in its image, and a server with two workers that each handle one
connection at a time, as gunicorn's do. Rounds without and with the uploads
take turns, so that the ratio of their 99th percentiles is of one machine at
one time.
"""

import argparse
import http.client
import multiprocessing
import multiprocessing.synchronize
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.kit.model_proxy import entrypoint, put_proxy
from tests.kit.ports import free_port, listens
from tests.kit.waiting import wait_until

WORKERS = 2
CALLERS = 2
ANNOUNCED = 6 << 20  # bytes of each slow upload
PERIOD = 5.0  # seconds between its bytes: 0.2 B/s
SIZES = (2 << 10, 256 << 10)  # bytes that the callers send
AIM = 1.1


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; an aim that is missed is no failure."""
    options = _parser().parse_args(arguments)
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    with ExitStack() as stack:
        port = stack.enter_context(_proxy(stack.enter_context(_model())))
        for size in SIZES:
            without, with_them = _measured(port, size, options)
            print(_line(size, without, with_them, options.uploads), flush=True)
    return 0


def _measured(port: int, size: int, options: argparse.Namespace) -> tuple[list[float], list[float]]:
    """Seconds of the requests of all rounds, without and with the uploads."""
    without: list[float] = []
    with_them: list[float] = []
    _round(port, size, options.requests)  # warms up
    for _ in range(options.rounds):
        without += _round(port, size, options.requests)
        with _uploads(port, options.uploads):
            with_them += _round(port, size, options.requests)
    return without, with_them


def _line(size: int, without: list[float], with_them: list[float], uploads: int) -> str:
    before, after = _percentile(without), _percentile(with_them)
    return (
        f"{size >> 10} KiB: p99 {before * 1000:.2f} ms alone, {after * 1000:.2f} ms beside {uploads} slow uploads: "
        f"{after / before:.3f} times (aim: below {AIM}); {len(without)} + {len(with_them)} requests, none failed"
    )


def _percentile(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]


def _round(port: int, size: int, requests: int) -> list[float]:
    """Seconds that each request took; callers keep their connections, as a gateway does."""
    with ThreadPoolExecutor(CALLERS) as callers:
        parts = callers.map(_call, [port] * CALLERS, [size] * CALLERS, [requests // CALLERS] * CALLERS)
        return [seconds for part in parts for seconds in part]


def _call(port: int, size: int, requests: int) -> list[float]:
    body, taken = bytes(size), []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(requests):
        begin = time.perf_counter()
        connection.request("POST", "/invocations", body)
        answer = connection.getresponse()
        answer.read()
        taken.append(time.perf_counter() - begin)
        if answer.status != 200:
            raise SystemExit(f"a request was answered with {answer.status}")
    connection.close()
    return taken


@contextmanager
def _uploads(port: int, count: int) -> Iterator[None]:
    """So many callers, each of whom sends a byte now and then."""
    begun = multiprocessing.Event()
    process = multiprocessing.Process(target=_drip, args=(port, count, begun), daemon=True)
    process.start()
    begun.wait(60)
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _drip(port: int, count: int, begun: multiprocessing.synchronize.Event) -> None:
    head = f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: {ANNOUNCED}\r\n\r\n".encode()
    uploads = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    for upload in uploads:
        upload.sendall(head)
    begun.set()
    while True:
        for upload in uploads:
            time.sleep(PERIOD / count)
            upload.sendall(b"x")


@contextmanager
def _model() -> Iterator[int]:
    """The server's port."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        workers = [multiprocessing.Process(target=_work, args=(listener,), daemon=True) for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        try:
            yield listener.getsockname()[1]
        finally:
            for worker in workers:
                worker.terminate()
                worker.join()


def _work(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            if stream.readline():
                stream.read(int(http.client.parse_headers(stream).get("Content-Length", "0")))
            connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")


@contextmanager
def _proxy(model: int) -> Iterator[int]:
    """The proxy's port, once it listens."""
    nothing = subprocess.DEVNULL
    with tempfile.TemporaryDirectory() as scratch:
        port, monitoring = free_port(), free_port()
        settings = put_proxy(Path(scratch), port=port, monitoring=monitoring) | {"MODEL_PORT": str(model)}
        command = ["sh", str(entrypoint(Path(scratch)))]
        with subprocess.Popen(command, env=settings, stdout=nothing, stderr=nothing) as process:
            try:
                wait_until(lambda: listens(port), "nginx listens", timeout=60)
                yield port
            finally:
                process.terminate()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.uploads", description=__doc__)
    parser.add_argument("--uploads", type=int, default=500, help="slow uploads at once (500)")
    parser.add_argument("--requests", type=int, default=4000, help="requests of a round (4000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds without, and with (5)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
