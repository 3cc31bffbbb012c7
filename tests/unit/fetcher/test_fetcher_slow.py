"""However slowly or endlessly a server sends, and whatever: model-init comes to an end before the server does."""

import contextlib
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fetcher.__main__ import main
from outbound.wire import MOST_FRAMING, SLOWEST, Allowance
from tests.unit.fetcher.origin import part_of
from tests.unit.fetcher.running import Place

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PART = b'HTTP/1.1 206 Partial Content\r\nETag: "1"\r\nContent-Range: bytes 0-1048575/3000000\r\n'
STAGES = {
    "nothing": (b"", b""),
    "status line": (b"", b"H"),
    "status": (b"HTTP/1.1 2", b"0"),
    "informational responses": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "informational header": (b"HTTP/1.1 100 Continue\r\nX: ", b"a"),
    "header name": (OK, b"a"),
    "header value": (OK + b"X: ", b"a"),
    "headers": (OK, b"X: 1\r\n"),
    "body with a length": (OK + b"Content-Length: 900000000000\r\n\r\n", b"a"),
    "body without a length": (OK + b"Connection: close\r\n\r\n", b"a"),
    "body of an error": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 900000000000\r\n\r\n", b"a"),
    "chunk size": (CHUNKED, b"0"),
    "chunk extension": (CHUNKED + b"1;", b"a"),
    "chunk content": (CHUNKED + b"FFFFFFFFFF\r\n", b"a"),
    "small chunks": (CHUNKED, b"10\r\n" + b"a" * 16 + b"\r\n"),
    "end of a chunk": (CHUNKED + b"1\r\na", b""),
    "trailer": (CHUNKED + b"1\r\na\r\n0\r\nX: ", b"a"),
    "trailers": (CHUNKED + b"1\r\na\r\n0\r\n", b"X: 1\r\n"),
    "range": (PART + b"Content-Length: 1048576\r\n\r\n", b"a"),
    "range in chunks": (PART + b"Transfer-Encoding: chunked\r\n\r\n100000\r\n", b"a"),
}
LIMITS = ["--attempts", "1", "--read-seconds", "0.2", "--connect-seconds", "0.2", "--limit-bytes", "3000000"]


@dataclass
class Dripping:
    """A server that sends a beginning, then a drip again and again; ``tired`` when it has done so for long enough."""

    port: int
    beginning: bytes | Callable[[bytes], bytes] = b""
    drip: bytes = b""
    pause: float = 0
    tired: bool = False
    stopped: threading.Event = field(default_factory=threading.Event)

    def serve(self, connection: socket.socket) -> None:
        """Drips for some 20 s at most, which is a hundred times what it is allowed."""
        with connection, contextlib.suppress(OSError):
            request = connection.recv(65536)
            connection.sendall(self.beginning(request) if callable(self.beginning) else self.beginning)
            block = self.drip if self.pause else self.drip * 4096
            for _ in range(round(20 / self.pause) if self.pause else 100_000):
                if self.stopped.wait(self.pause):
                    return
                connection.sendall(block)
            self.tired = True


@contextmanager
def dripping(listens: socket.socket, server: Dripping) -> Iterator[Dripping]:
    threads = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listens.accept()
                threads.append(threading.Thread(target=server.serve, args=(connection,)))
                threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield server
    finally:
        server.stopped.set()
        listens.shutdown(socket.SHUT_RDWR)
        listens.close()
        for thread in (acceptor, *threads):
            thread.join()


def server_of(beginning: bytes | Callable[[bytes], bytes], drip: bytes, pause: float) -> tuple[socket.socket, Dripping]:
    listens = socket.create_server(("127.0.0.1", 0))
    return listens, Dripping(listens.getsockname()[1], beginning, drip, pause)


@pytest.mark.parametrize("pause", [0.02, 0], ids=["slowly", "endlessly"])
@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_of_a_response_can_be_drawn_out(stage: str, pause: float, place: Place) -> None:
    beginning, drip = STAGES[stage]
    with dripping(*server_of(beginning, drip, pause if drip else 0.02)) as server:
        code = main(place.arguments(f"http://127.0.0.1:{server.port}/model.bin", *LIMITS))
    assert not server.tired
    assert code in {10, 13}
    assert place.visible() == []


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from([beginning for beginning, _ in STAGES.values()]),
    st.integers(0, 60),
    st.binary(min_size=1, max_size=30),
    st.sampled_from([0.02, 0.1]),
)
def test_nor_can_any_beginning_of_one_whatever_follows(beginning: bytes, cut: int, drip: bytes, pause: float) -> None:
    with tempfile.TemporaryDirectory() as scratch, dripping(*server_of(beginning[:cut], drip, pause)) as server:
        code = main(Place(Path(scratch)).arguments(f"http://127.0.0.1:{server.port}/model.bin", *LIMITS))
    assert not server.tired
    assert code in {10, 13}


def test_nor_can_a_handshake(place: Place) -> None:
    with dripping(*server_of(b"\x16\x03\x03\x40\x00", b"\2", 0.02)) as server:
        assert main(place.arguments(f"https://127.0.0.1:{server.port}/model.bin", *LIMITS)) == 10
    assert not server.tired


def test_nor_can_the_answer_of_a_proxy(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with dripping(*server_of(b"HTTP/1.1 200 OK\r\nX: ", b"a", 0.02)) as server:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.port}")
        assert main(place.arguments("https://models.example.com/model.bin", *LIMITS)) == 10
    assert not server.tired


def test_a_request_that_times_out_on_a_kept_connection_is_not_repeated_uncounted(place: Place) -> None:
    """Each connection answers its first request, and no other."""

    def answer(request: bytes) -> bytes:
        asked = next(line for line in request.decode().split("\r\n") if line.startswith("Range: "))
        part = part_of(bytes(3_000_000), asked.removeprefix("Range: "))
        head = "".join(f"{key}: {value}\r\n" for key, value in part.headers.items())
        return f"HTTP/1.1 206 OK\r\n{head}Content-Length: {len(part.body)}\r\n\r\n".encode() + part.body

    more = [*LIMITS, "--streams", "1"]
    with dripping(*server_of(answer, b"", 0.02)) as server:
        assert main(place.arguments(f"http://127.0.0.1:{server.port}/model.bin", *more)) == 10
    assert "the server sent nothing for 0.2 s" in place.said()["message"]


EVENTS = st.lists(st.tuples(st.floats(0, 2), st.integers(0, 200_000), st.booleans()), max_size=200)


@given(EVENTS, st.floats(0.1, 100))
def test_waiting_is_bounded_by_what_has_come(events: list[tuple[float, int, bool]], seconds: float) -> None:
    allowance, waited, content, longest = Allowance(seconds), 0.0, 0, 0.0
    with contextlib.suppress(TimeoutError):
        for wait, count, is_content in events:
            took = min(wait, allowance.left())
            longest = max(longest, took)
            waited += took
            allowance.waited(took, count)
            if is_content:
                allowance.got(count)
                content += count
    assert waited <= seconds * (2 + content / (SLOWEST * seconds)) + 1e-6
    assert longest <= seconds


@given(st.lists(st.integers(SLOWEST, 100 * SLOWEST), max_size=300), st.integers(1, 100))
def test_a_server_that_is_fast_enough_never_times_out(chunks: list[int], seconds: int) -> None:
    allowance = Allowance(seconds)
    for count in chunks:
        assert allowance.left() > 0
        allowance.waited(min(1, allowance.left()), count)
        allowance.got(count)


def test_framing_without_content_is_bounded() -> None:
    allowance = Allowance(60)
    allowance.waited(0, MOST_FRAMING)
    with pytest.raises(TimeoutError, match="endless"):
        allowance.waited(0, 1)
