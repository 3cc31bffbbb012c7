"""Bodies are received whole before the model is asked, within bounds that a slow caller does not use up."""

import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.images.processes import Running, nginx, until
from tests.images.raw import exchange, get, received, scripted
from tests.images.test_nginx_refusing import rejection
from tests.images.upstream import Upstream, upstream

pytestmark = pytest.mark.usefixtures("_base_unpacked")
NO_ROOM = (503, "no room is left: too many large bodies are being received at once; retry later")
MIB = 1 << 20
KEPT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = get(b"Transfer-Encoding: chunked") + b"1\r\nx\r\n0\r\n\r\n"


@pytest.fixture
def model() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def upload(stack: ExitStack, proxy: Running, announced: int, begun: bytes) -> socket.socket:
    """An upload that has begun."""
    caller = stack.enter_context(socket.create_connection(("127.0.0.1", proxy.port)))
    caller.sendall(get(b"Content-Length: %d" % announced) + begun)
    return caller


def in_files(folder: Path) -> int:
    """Bytes of the bodies in files, which nginx may delete at any time."""
    return sum(size_of(file) for file in (folder / "client_body").iterdir())


def size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def test_a_slow_upload_does_not_occupy_the_model(stack: ExitStack, tmp_path: Path) -> None:
    with scripted() as model, nginx(tmp_path, MODEL_PORT=str(model.port)) as proxy:
        slow = [upload(stack, proxy, 3, b"x") for _ in range(20)]
        assert exchange(proxy.port, get()).endswith(b"ok")
        assert len(model.heads) == 1
        slow[0].sendall(b"yz")
        assert received(slow[0]).endswith(b"ok")
        assert b"Content-Length: 3" in model.heads[1]


def test_a_body_of_a_file_leaves_together_with_its_head(stack: ExitStack, tmp_path: Path) -> None:
    """Of two pieces, the second would wait until the model's kernel acknowledges the first, 40 ms later."""
    times, size = 5, 20_000
    model = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    proxy = stack.enter_context(nginx(tmp_path, MODEL_PORT=str(model.getsockname()[1])))
    callers = [upload(stack, proxy, size, bytes(size))]
    server = stack.enter_context(model.accept()[0])
    for _ in range(times):
        received(server, until=bytes(size))
        server.sendall(KEPT)
        received(callers[-1], until=b"ok")
        callers.append(upload(stack, proxy, size, bytes(size)))
    received(server, until=bytes(size))
    assert segments(server) == times + 1


def segments(connection: socket.socket) -> int:
    """How many with data have come (tcpi_data_segs_in of Linux' tcp_info)."""
    return int(struct.unpack_from("I", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 156), 152)[0])


def test_an_announced_length_takes_no_room(stack: ExitStack, model: Upstream, tmp_path: Path) -> None:
    with nginx(tmp_path, MODEL_PORT=str(model.port), BODY_ROOM="7m") as proxy:
        for _ in range(200):
            upload(stack, proxy, 6 * MIB, b"x")
        assert proxy.ask("POST", "/invocations", bytes(6 * MIB)).status == 200
        assert len(model.bodies[0]) == 6 * MIB


@pytest.mark.parametrize("lines", [[b"Content-Length: %d" % MIB], [b"Transfer-Encoding: chunked"]])
def test_without_room_a_large_body_is_rejected_unread_and_a_small_one_passes(
    lines: list[bytes], stack: ExitStack, model: Upstream, tmp_path: Path
) -> None:
    with nginx(tmp_path, MODEL_PORT=str(model.port), BODY_ROOM="1500k", MAX_BODY_SIZE="1m") as proxy:
        large = upload(stack, proxy, MIB, bytes(MIB - 1))
        until(lambda: in_files(tmp_path) > MIB // 2)
        until(lambda: exchange(proxy.port, CHUNKED).startswith(b"HTTP/1.1 503 "))  # files are looked at now and then
        answer = exchange(proxy.port, get(*lines))
        assert rejection(answer) == NO_ROOM
        assert b"\r\nRetry-After: 1\r\n" in answer
        assert proxy.ask("POST", "/invocations", bytes(16 * 1024)).status == 200
        assert proxy.ask("GET", "/invocations").status == 200
        large.sendall(b"x")
        assert received(large).endswith(b"ok")
        large.close()
        until(lambda: not in_files(tmp_path))
        until(lambda: proxy.ask("POST", "/invocations", bytes(MIB)).status == 200)


def test_files_are_looked_at_now_and_then_however_many_requests_ask(model: Upstream, tmp_path: Path) -> None:
    """Nobody is served meanwhile. The pause is at least 20 times as long as the look, here at thousands of files."""
    with nginx(tmp_path, MODEL_PORT=str(model.port), BODY_ROOM="1500k", MAX_BODY_SIZE="1m") as proxy:
        largest = tmp_path / "client_body" / "largest"
        largest.write_bytes(bytes(2 * MIB))
        for number in range(5000):
            (largest.parent / f"held-{number}").touch()
        assert rejection(exchange(proxy.port, CHUNKED)) == NO_ROOM
        largest.unlink()
        assert rejection(exchange(proxy.port, CHUNKED)) == NO_ROOM
        until(lambda: exchange(proxy.port, CHUNKED).startswith(b"HTTP/1.1 200 "))


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
def test_a_volume_that_is_full_after_all_is_told_alike(stack: ExitStack, model: Upstream, tmp_path: Path) -> None:
    folder = tmp_path / "client_body"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    stack.callback(lambda: subprocess.run(["umount", folder], check=True))
    with nginx(tmp_path, MODEL_PORT=str(model.port), BODY_ROOM="1g") as proxy:
        assert rejection(exchange(proxy.port, get(b"Content-Length: %d" % (2 * MIB)) + bytes(2 * MIB))) == NO_ROOM
        until(lambda: not in_files(tmp_path))
        assert proxy.ask("POST", "/invocations", bytes(MIB // 2)).status == 200
    assert model.bodies == [bytes(MIB // 2)]


def test_what_a_killed_proxy_has_left_takes_no_room(model: Upstream, tmp_path: Path) -> None:
    (tmp_path / "client_body").mkdir()
    (tmp_path / "client_body" / "0000000001").write_bytes(bytes(2 * MIB))
    with nginx(tmp_path, MODEL_PORT=str(model.port), BODY_ROOM="1m"):
        assert in_files(tmp_path) == 0
