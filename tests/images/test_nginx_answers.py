"""Answers of a model that cannot be passed on: the proxy answers in its place, and closes both connections."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.images.processes import nginx
from tests.images.raw import END, OK, received
from tests.images.test_nginx_refusing import rejection

pytestmark = pytest.mark.usefixtures("_base_unpacked")
REQUEST = b"GET /invocations HTTP/1.1\r\nHost: titanic.example.com" + END
INFORMATIONAL = "its status is {}; informational answers (1xx) are not supported"


class ByHand:
    """A model that a test answers for, and a caller that keeps its connection."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self._listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.proxy = stack.enter_context(nginx(folder, MODEL_PORT=str(self._listener.getsockname()[1])))

    def answered(self, answer: bytes, request: bytes = REQUEST) -> bytes:
        """What the caller gets until the proxy closes its connection; the model keeps its own."""
        caller = self._stack.enter_context(socket.create_connection(("127.0.0.1", self.proxy.port)))
        caller.sendall(request)
        server = self._stack.enter_context(self._listener.accept()[0])
        received(server, until=END)
        server.sendall(answer)
        whole = received(caller)
        assert received(server) == b""
        return whole


@pytest.fixture
def model(tmp_path: Path) -> Iterator[ByHand]:
    with ExitStack() as stack:
        yield ByHand(stack, tmp_path)


def fault(answer: bytes) -> str:
    status, reason = rejection(answer)
    assert status == 502
    before, _, after = reason.partition(": ")
    assert before == "the model server's answer could not be passed on"
    return after


@pytest.mark.parametrize("status", [99, 100, 101, 102, 103, 199])
@pytest.mark.parametrize("then", [b"", OK])
def test_an_informational_answer_is_rejected_and_what_follows_reaches_nobody(
    status: int, then: bytes, model: ByHand
) -> None:
    early = b"HTTP/1.1 %03d Early\r\nLink: </a>\r\nUpgrade: x\r\nConnection: upgrade" % status + END
    answer = model.answered(early + then, REQUEST.replace(END, b"\r\nUpgrade: x\r\nConnection: upgrade" + END))
    assert fault(answer) == INFORMATIONAL.format(status)
    assert b"Link" not in answer


def test_it_is_rejected_for_a_head_request_too(model: ByHand) -> None:
    answer = model.answered(b"HTTP/1.1 103 Early Hints" + END + OK, REQUEST.replace(b"GET", b"HEAD"))
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert answer.endswith(END)


def test_it_is_logged_once_and_the_model_owes_nothing_then(model: ByHand) -> None:
    model.answered(b"HTTP/1.1 103 Early Hints" + END, REQUEST.replace(END, b"\r\nX-Request-Id: early" + END))
    (line,) = model.proxy.lines(holding="early")
    assert (line["status"], line["upstream_status"]) == (502, "103")


def test_an_answer_without_a_head_is_logged_as_rejected(model: ByHand) -> None:
    model.answered(b"hello\r\n", REQUEST.replace(END, b"\r\nX-Request-Id: bare" + END))
    (line,) = model.proxy.lines(holding="bare")
    assert line["status"] == 502


def test_an_answer_without_content_has_no_length(model: ByHand) -> None:
    """Gateways reject it otherwise."""
    closing = REQUEST.replace(END, b"\r\nConnection: close" + END)
    answer = model.answered(b"HTTP/1.1 204 No Content\r\nConnection: close\r\nContent-Length: 2" + END, closing)
    assert answer.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert b"Content-Length" not in answer
