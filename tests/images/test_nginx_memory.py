"""What requests take of nginx's memory at most: no caller brings it to its limit."""

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mlendpoints.core.manifests.containers import PROXY_MEMORY
from tests.images.processes import ROOT, Running, nginx, until
from tests.images.raw import END, get, received

pytestmark = pytest.mark.usefixtures("_base_unpacked")
TEMPLATE = (ROOT / "images" / "nginx" / "nginx.conf.template").read_text()
AT_ONCE = 60
KIB = 1 << 10
LARGEST = b"x-large: " + bytes(61 * KIB).replace(b"\0", b"x")
BODY = bytes(16 * KIB)
KERNEL = 16 * KIB  # for two sockets


class Held:
    """A model that answers with a large head and then keeps its callers waiting."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=AT_ONCE))
        self.port = self._listener.getsockname()[1]

    def take(self) -> None:
        connection = self._stack.enter_context(self._listener.accept()[0])
        received(connection, until=BODY)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + LARGEST + END)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def test_as_many_requests_as_are_handled_at_once_fit_in_its_memory(stack: ExitStack, tmp_path: Path) -> None:
    model = Held(stack)
    proxy = stack.enter_context(nginx(tmp_path, MODEL_PORT=str(model.port)))
    _hold(stack, proxy, model)  # what the first one takes is nginx' own
    before = _resident(proxy.process.pid)
    for _ in range(AT_ONCE):
        _hold(stack, proxy, model)
    each = (_resident(proxy.process.pid) - before) / AT_ONCE
    (most,) = map(int, re.findall(r"limit_conn +requests (\d+);", TEMPLATE))
    assert each > 300 * KIB
    assert before + most * (each + KERNEL) < PROXY_MEMORY * KIB * KIB


def _hold(stack: ExitStack, proxy: Running, model: Held) -> None:
    """A request of the largest kind, until its caller has the answer's head."""
    caller = stack.enter_context(socket.create_connection(("127.0.0.1", proxy.port)))
    caller.sendall(get(LARGEST, LARGEST, b"Content-Length: %d" % len(BODY)) + BODY)
    model.take()
    received(caller, until=END)


def _resident(parent: int) -> int:
    """Bytes that nginx' processes have in memory of their own."""
    (children,) = Path(f"/proc/{parent}/task").glob("*/children")
    pids = [str(parent), *until(lambda: children.read_text().split())]
    return sum(_own(Path(f"/proc/{pid}/status").read_text()) for pid in pids)


def _own(status: str) -> int:
    return int(re.findall(r"RssAnon:\s+(\d+) kB", status)[0]) * KIB
