"""What probes learn at the proxy's monitoring port: the model's own answer, or that it works on callers' requests."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.images.processes import Running, nginx, until
from tests.images.raw import END, OK, exchange, get, received, scripted
from tests.kit.ports import free_port

pytestmark = pytest.mark.usefixtures("_base_unpacked")
WORKING = (200, b"the model is working\n")
SILENT = (504, b"the model does not answer\n")


class OneAtATime:
    """A server that handles one request at a time, by hand: whoever is not accepted waits in its queue."""

    def __init__(self, stack: ExitStack, folder: Path, **settings: str) -> None:
        self._stack = stack
        self._listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = str(self._listener.getsockname()[1])
        self.proxy = stack.enter_context(nginx(folder, MODEL_PORT=port, **settings))

    def call(self, request: bytes = get()) -> socket.socket:
        """A caller who waits for the answer."""
        caller = self._stack.enter_context(socket.create_connection(("127.0.0.1", self.proxy.port)))
        caller.sendall(request)
        return caller

    def take(self) -> socket.socket:
        """The next request is taken up, as whole as its head."""
        connection = self._stack.enter_context(self._listener.accept()[0])
        received(connection, until=END)
        return connection

    def waiting(self) -> bool:
        """Whether a connection waits in the queue."""
        self._listener.settimeout(0)
        try:
            self._stack.enter_context(self._listener.accept()[0])
        except BlockingIOError:
            return False
        finally:
            self._listener.settimeout(None)
        return True


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def probe(proxy: Running) -> tuple[int, bytes]:
    head, _, body = exchange(proxy.monitoring, get(b"User-Agent: kube-probe/1.34", path=b"/ready")).partition(END)
    return int(head.split()[1]), body


def answering(status: bytes, *lines: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Length: 0", b"Connection: close", *lines]) + END


def test_an_idle_model_is_asked_by_its_health_path_and_nothing_is_logged(tmp_path: Path) -> None:
    with scripted() as model, nginx(tmp_path, MODEL_PORT=str(model.port), HEALTH_PATH="/v1/~x/healthy") as proxy:
        assert probe(proxy) == (200, b"ok")
        (head,) = model.heads
        assert proxy.output.read_text() == ""
    assert head.startswith(b"GET /v1/~x/healthy HTTP/1.1\r\n")
    assert b"\r\nUser-Agent: kube-probe/1.34\r\n" in head


@pytest.mark.parametrize(
    ("status", "expected"),
    [(b"204 No Content", 204), (b"307 Elsewhere", 200), (b"404 Not Found", 404), (b"503 Loading", 503)],
)
def test_the_model_s_own_status_decides(status: bytes, expected: int, tmp_path: Path) -> None:
    with scripted(answering(status, b"Location: /ui")) as model, nginx(tmp_path, MODEL_PORT=str(model.port)) as proxy:
        assert probe(proxy)[0] == expected


def test_a_refused_connection_counts_at_once(tmp_path: Path) -> None:
    with nginx(tmp_path, MODEL_PORT=str(free_port())) as proxy:
        assert probe(proxy)[0] == 502


def test_an_idle_model_that_does_not_answer_is_not_ready(stack: ExitStack, tmp_path: Path) -> None:
    assert probe(OneAtATime(stack, tmp_path).proxy) == SILENT


def test_a_busy_model_stays_and_finds_one_question_in_its_queue(stack: ExitStack, tmp_path: Path) -> None:
    server = OneAtATime(stack, tmp_path)
    server.call()
    server.take()
    assert [probe(server.proxy) for _ in range(5)] == [WORKING] * 5
    assert server.waiting()
    assert not server.waiting()


def test_a_model_whose_caller_has_gone_works_all_the_same(stack: ExitStack, tmp_path: Path) -> None:
    server = OneAtATime(stack, tmp_path)
    caller = server.call(get(b"X-Request-Id: gone"))
    server.take()
    caller.close()
    server.proxy.lines(holding="gone")
    assert probe(server.proxy) == WORKING


def test_a_hung_model_does_not_hide_behind_callers_who_retry(stack: ExitStack, tmp_path: Path) -> None:
    server = OneAtATime(stack, tmp_path, INVOCATION_TIMEOUT="1s")
    for _ in range(2):
        assert received(server.call()).startswith(b"HTTP/1.1 504 ")
    server.call()
    assert probe(server.proxy) == SILENT


def test_a_model_that_answers_now_and_then_works(stack: ExitStack, tmp_path: Path) -> None:
    """Its queue is longer than the limit; each answer shows that it works."""
    server = OneAtATime(stack, tmp_path)
    callers = [server.call() for _ in range(3)]
    for caller in callers[:2]:
        server.take().sendall(OK)
        assert received(caller).endswith(b"ok")
    assert probe(server.proxy) == WORKING


def test_a_model_that_has_answered_all_is_asked_again(stack: ExitStack, tmp_path: Path) -> None:
    server = OneAtATime(stack, tmp_path)
    caller = server.call()
    server.take().sendall(OK)
    received(caller)
    assert probe(server.proxy) == SILENT


def test_an_upload_is_not_the_model_s_work(stack: ExitStack, tmp_path: Path) -> None:
    server = OneAtATime(stack, tmp_path)
    server.call(get(b"Content-Length: 10") + b"x")
    assert probe(server.proxy) == SILENT


def test_a_worker_that_crashed_leaves_no_count_behind(stack: ExitStack, tmp_path: Path) -> None:
    server = OneAtATime(stack, tmp_path)
    caller = server.call()
    server.take()
    os.kill(_worker(server.proxy), signal.SIGKILL)
    assert received(caller) == b""
    until(lambda: _worker(server.proxy))
    assert probe(server.proxy) == SILENT


def _worker(proxy: Running) -> int:
    (children,) = Path(f"/proc/{proxy.process.pid}/task").glob("*/children")
    return int(children.read_text().split()[0] if children.read_text().split() else 0)


def test_callers_cannot_ask_for_it(tmp_path: Path) -> None:
    with scripted() as model, nginx(tmp_path, MODEL_PORT=str(model.port)) as proxy:
        exchange(proxy.port, get(b"User-Agent: kube-probe/1.34", b"X-Request-Id: poser", path=b"/ready"))
        assert model.heads[0].startswith(b"GET /ready ")
        assert json.loads(proxy.output.read_text())["request_id"] == "poser"
