"""Predictions through the API server where the gateway cannot be reached, also from one that sends nonsense."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from aiohttp import web

from mlendpoints.client import AsyncMLOpsClient, ConfigurationError, MLOpsClient, UnreachableError, WaitTimeoutError
from mlendpoints.client.channels import Channels
from mlendpoints.client.errors import ClientError
from mlendpoints.client.places import first_reachable
from tests.kit.certificates import self_signed
from tests.kit.forwarding import HOST, POD, PORT, Stage, a_client, confirmations

ROW = {"class": "1st"}
SENT = b'{"class":"1st"}'


async def invoked(stage: Stage, folder: Path, data: object = ROW, *, port_forward: bool | None = None) -> bytes:
    tls = self_signed(folder) if stage.scheme == "https" else None
    async with a_client(stage, folder, tls=tls, port_forward=port_forward) as client:
        return (await client.endpoint("titanic").invoke(data, timeout=5)).content


def test_a_gateway_that_nothing_else_reaches_is_reached_by_a_forwarded_port(tmp_path: Path) -> None:
    stage = Stage()
    assert asyncio.run(invoked(stage, tmp_path)) == SENT
    assert stage.forwards == [(POD, str(PORT))]


def test_large_bodies_arrive_whole_in_both_directions(tmp_path: Path) -> None:
    stage, body = Stage(), os.urandom(5_000_000)
    assert asyncio.run(invoked(stage, tmp_path, body)) == body
    assert stage.bodies == [body]


def test_streams_and_concurrent_requests_share_few_connections(tmp_path: Path) -> None:
    stage = Stage()

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(100):
            yield f"{number} ".encode()

    async def requests() -> list[bytes]:
        async with a_client(stage, tmp_path) as client:
            titanic = client.endpoint("titanic")
            answers = await asyncio.gather(*(titanic.invoke(str(number)) for number in range(60)))
            streamed = [piece async for piece in titanic.stream(pieces())]
            return [*(answer.content for answer in answers), b"".join(streamed)]

    expected = [*(str(number).encode() for number in range(60)), b"".join(b"%d " % number for number in range(100))]
    assert asyncio.run(requests()) == expected
    assert len(stage.forwards) <= 16


def test_a_pod_that_has_gone_is_replaced_by_another(tmp_path: Path) -> None:
    stage = Stage()
    stage.pods = [POD, "gone-1", "gone-2"]
    assert asyncio.run(invoked(stage, tmp_path)) == SENT
    assert stage.bodies == [SENT]


def test_a_port_is_forwarded_also_to_what_can_be_reached_if_that_is_wanted(tmp_path: Path) -> None:
    stage = Stage()
    stage.addresses = ["127.0.0.1"]
    assert asyncio.run(invoked(stage, tmp_path, port_forward=True)) == SENT
    assert stage.forwards == [(POD, str(PORT))]


def test_the_first_address_that_takes_connections_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        addresses = ("no.such.host.invalid", "::", "", "a" * 300, "127.0.0.1", "localhost")
        assert asyncio.run(first_reachable(addresses, port)) == "127.0.0.1"
    assert asyncio.run(first_reachable(addresses, port)) is None
    assert asyncio.run(first_reachable((), port)) is None


def test_no_port_is_forwarded_if_that_is_forbidden(tmp_path: Path) -> None:
    stage = Stage()
    with pytest.raises(UnreachableError, match=rf"cannot be reached from here: {HOST}\. Pass its address"):
        asyncio.run(invoked(stage, tmp_path, port_forward=False))
    assert stage.forwards == []


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, r"rights to get and to create pods/portforward there\. Pass its address: MLOpsClient\(gateway="),
        (404, r"Pod istio-ingress/gateway-1 or its node does not exist"),
        (500, r"cannot process the request"),
        (200, r"cannot process the request"),
    ],
)
def test_a_rejected_forward_says_what_to_do(tmp_path: Path, status: int, message: str) -> None:
    with pytest.raises(UnreachableError, match=message):
        asyncio.run(invoked(Stage(status=status), tmp_path))


def test_without_a_ready_pod_there_is_nothing_to_forward_to(tmp_path: Path) -> None:
    stage = Stage()
    stage.pods = []
    with pytest.raises(UnreachableError, match="has no ready pod for port 80"):
        asyncio.run(invoked(stage, tmp_path))


def test_a_port_is_not_forwarded_to_an_address(tmp_path: Path) -> None:
    async def connect() -> None:
        async with a_client(Stage(), tmp_path):
            with pytest.raises(ConfigurationError, match="A port is forwarded to a Service"):
                MLOpsClient(kubeconfig=tmp_path / "kubeconfig", gateway="http://127.0.0.1:8080", port_forward=True)

    asyncio.run(connect())


def test_certificates_are_checked_through_a_forwarded_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreachableError, match=f"The certificate of {HOST} is not trusted"):
        asyncio.run(invoked(Stage(scheme="https"), tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with pytest.raises(UnreachableError, match=r"is not trusted.*[Hh]ostname mismatch"):
        asyncio.run(invoked(Stage(scheme="https"), tmp_path))


HOSTILE: dict[str, tuple[Sequence[bytes | str], str]] = {
    "text": (["HTTP/1.1 200 OK"], "no binary frame"),
    "nothing": ([b""], "unknown channel"),
    "another channel": ([*confirmations(), b"\x02data"], "unknown channel"),
    "another port": (confirmations(22), "did not confirm the port"),
    "no port": ([b"\x00HTTP/1.1 200 OK"], "did not confirm the port"),
    "refused": ([*confirmations(), b"\x01connection\n\x1brefused" + b"!" * 10_000], "connection .?refused!+"),
    "too large": ([*confirmations(), b"\0" + bytes(3 << 20)], "no binary frame"),
    "no HTTP": ([*confirmations(), b"\0\xff\xfe" + bytes(100) + b"\r\n\r\n"], "is broken"),
    "the end": ([], "is broken"),
    "half a response": ([*confirmations(), b"\0HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"], "is broken"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_nonsense_is_an_error_and_no_request_is_repeated(tmp_path: Path, name: str) -> None:
    frames, message = HOSTILE[name]

    async def kubelet(connection: web.WebSocketResponse) -> None:
        for frame in frames:
            await (connection.send_str(frame) if isinstance(frame, str) else connection.send_bytes(frame))

    stage = Stage(kubelet=kubelet)
    with pytest.raises(UnreachableError, match=message) as caught:
        asyncio.run(invoked(stage, tmp_path))
    assert len(stage.forwards) == 1
    assert len(str(caught.value)) < 1000


def test_a_silent_gateway_is_a_timeout(tmp_path: Path) -> None:
    async def kubelet(connection: web.WebSocketResponse) -> None:
        async for _ in connection:
            pass

    async def invoke() -> None:
        async with a_client(Stage(kubelet=kubelet), tmp_path) as client:
            await client.endpoint("titanic").invoke(ROW, timeout=0.1)

    with pytest.raises(WaitTimeoutError):
        asyncio.run(invoke())


def test_after_a_failure_the_way_is_found_again(tmp_path: Path) -> None:
    async def kubelet(connection: web.WebSocketResponse) -> None:
        broken.append(await connection.receive())

    broken: list[object] = []
    stage = Stage(kubelet=kubelet)

    async def twice(client: AsyncMLOpsClient) -> bytes:
        with pytest.raises(UnreachableError):
            await client.endpoint("titanic").invoke(ROW)
        stage.kubelet = stage.carry
        return (await client.endpoint("titanic").invoke(ROW)).content

    async def main() -> bytes:
        async with a_client(stage, tmp_path) as client:
            return await twice(client)

    assert asyncio.run(main()) == SENT
    assert (len(broken), stage.bodies) == (1, [SENT])


@pytest.mark.parametrize("frame", [b"", b"\x00", b"\x01", b"\x00\x1f\x90", b"\x00\x90\x1f\x00", b"\xff" * 10])
def test_a_frame_that_begins_no_channel_is_an_error(frame: bytes) -> None:
    with pytest.raises(ClientError):
        Channels(PORT).received(frame)


def test_any_bytes_are_data_once_the_channel_has_begun() -> None:
    channels = Channels(PORT)
    assert [channels.received(frame) for frame in confirmations()] == [b"", b""]
    assert channels.received(b"\x00") == b""
    assert channels.received(b"\x00" + bytes(range(256))) == bytes(range(256))
    assert channels.received(b"\x01") == b""
