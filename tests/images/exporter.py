"""Stands in for Fluent Bit: serves the text of its process exporter, or whatever else a model might serve in its place.

The text has the names, the labels, the order and the notation of Fluent Bit 5 (plugins/in_process_exporter_metrics and
cmetrics' encoder of Prometheus' format), with ``metrics=cpu,memory,io,fd``.
"""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

COUNTER, GAUGE = "counter", "gauge"
# name, type, help, and the process's figure for each value of a further label
FAMILIES = (
    ("cpu_seconds_total", COUNTER, "CPU usage in seconds", {',mode="user"': "user", ',mode="system"': "system"}),
    ("read_bytes_total", COUNTER, "number of bytes read", {"": "read"}),
    ("write_bytes_total", COUNTER, "number of bytes write", {"": "written"}),
    ("major_page_faults_total", COUNTER, "Major page fault", {"": "faults"}),
    ("minor_page_faults_total", COUNTER, "Minor page fault", {"": "faults"}),
    (
        "memory_bytes",
        GAUGE,
        "number of bytes of memory in use per type (VirtualMemory, RSS)",
        {',type="virtual_memory"': "virtual", ',type="rss"': "memory"},
    ),
    ("open_filedesc", GAUGE, "number of open file descriptors", {"": "files"}),
    ("fd_ratio", GAUGE, "the ratio between open fds and max fds", {"": "ratio"}),
)


@dataclass(frozen=True)
class Process:
    """One process as Fluent Bit sees it. It can read neither IO nor files of one with another user: None."""

    pid: int
    name: str = "python3"
    parent: int = 0
    user: float = 0
    system: float = 0
    memory: float = 4096
    read: float | None = None
    written: float | None = None
    files: float | None = None
    virtual: float = 1e9
    faults: float = 3
    ratio: float = 0.29999999999999999


def text(*processes: Process) -> str:
    """What Fluent Bit says about them."""
    return "".join(line for family in FAMILIES for line in _family(processes, *family))


def _family(processes: Iterable[Process], name: str, kind: str, words: str, figures: dict[str, str]) -> Iterator[str]:
    yield f"# HELP process_{name} {words}\n# TYPE process_{name} {kind}\n"
    for process in processes:
        labels = f'name="{_escaped(process.name)}",pid="{process.pid}",ppid="{process.parent}"'
        for further, figure in figures.items():
            number = getattr(process, figure)
            if number is not None:
                yield f"process_{name}{{{labels}{further}}} {number:.17g}\n"


def _escaped(name: str) -> str:
    return name.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def answer(body: str | bytes, *, status: str = "200 OK") -> bytes:
    """A whole response."""
    content = body.encode() if isinstance(body, str) else body
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode() + content


Serve = Callable[[socket.socket], None]


@dataclass
class Exporter:
    """What it serves may change at any time."""

    port: int
    serve: Serve = lambda _: None
    asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def says(self, body: str | bytes, *, status: str = "200 OK") -> None:
        """From now on, once it was asked: the next look sees it."""
        self.serve = lambda caller: caller.sendall(answer(body, status=status))

    def until_asked(self, times: int = 1) -> None:
        """It has been asked so many times from now on."""
        while self.asked.acquire(blocking=False):
            pass
        for _ in range(times):
            assert self.asked.acquire(timeout=30)


@contextmanager
def exporter() -> Iterator[Exporter]:
    """One that listens, until the block ends."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        running = Exporter(server.getsockname()[1])
        thread = threading.Thread(target=_accept, args=(server, running))
        thread.start()
        try:
            yield running
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _accept(server: socket.socket, running: Exporter) -> None:
    with suppress(OSError):
        while True:
            caller, _ = server.accept()
            threading.Thread(target=_serve, args=(caller, running)).start()


def _serve(caller: socket.socket, running: Exporter) -> None:
    with closing(caller), suppress(OSError):
        caller.recv(65536)
        running.asked.release()
        running.serve(caller)
