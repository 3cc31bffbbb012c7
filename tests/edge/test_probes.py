import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mlendpoints.core.world import GatewayPod, Probe, Ref
from mlendpoints.edge.probes import Prober
from tests.edge.waiting import until

KEY, OTHER = Ref("Endpoint", "ns", "a"), Ref("Endpoint", "ns", "b")
ROUTE = Probe("titanic.example.com", "/route", 200, body="r1", revision="r1")


class Gateway:
    """A gateway pod that answers one status and body, and remembers the heads of what it was asked."""

    def __init__(self, name: str, body: str = "", *, status: int = 200) -> None:
        self.name = name
        self.status, self.body = status, body
        self.heads: list[str] = []
        self.pod = GatewayPod(name, "", 0)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        head = f"HTTP/1.1 {self.status} .\r\nContent-Length: {len(self.body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + self.body.encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def serving(*gateways: Gateway, tls: ssl.SSLContext | None = None) -> AsyncIterator[list[GatewayPod]]:
    servers = [await asyncio.start_server(gateway.handle, "127.0.0.1", 0, ssl=tls) for gateway in gateways]
    for gateway, server in zip(gateways, servers, strict=True):
        gateway.pod = GatewayPod(gateway.name, "127.0.0.1", server.sockets[0].getsockname()[1])
    yield [gateway.pod for gateway in gateways]
    for server in servers:
        server.close()


@asynccontextmanager
async def a_prober() -> AsyncIterator[tuple[Prober, list[Ref]]]:
    woken: list[Ref] = []
    prober = Prober(woken.append)
    yield prober, woken
    await prober.close()


def test_every_pod_is_asked_with_the_endpoints_host() -> None:
    async def scenario() -> None:
        a, b = Gateway("a", "r1"), Gateway("b", "r1")
        async with serving(a, b) as pods, a_prober() as (prober, woken):
            prober.want(KEY, (ROUTE,), tuple(pods))
            await until(lambda: prober.answers(KEY) == {ROUTE: ("a", "b")})
            assert woken == [KEY]
            assert all("Host: titanic.example.com\r\n" in head for head in (*a.heads, *b.heads))
            assert all(head.startswith("GET /route HTTP/1.1\r\n") for head in (*a.heads, *b.heads))

    asyncio.run(scenario())


def test_a_pod_that_lags_is_asked_until_it_answers_as_expected() -> None:
    async def scenario() -> None:
        ahead, behind = Gateway("ahead", "r1"), Gateway("behind", "r0")
        async with serving(ahead, behind) as pods, a_prober() as (prober, woken):
            prober.want(KEY, (ROUTE,), tuple(pods))
            await until(lambda: len(behind.heads) >= 3)
            assert prober.answers(KEY) == {ROUTE: ("ahead",)}
            behind.body = "r1"
            await until(lambda: prober.answers(KEY) == {ROUTE: ("ahead", "behind")})
            assert woken == [KEY, KEY]
            assert len(ahead.heads) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("status", "body", "probe"),
    [
        (404, "r1", ROUTE),
        (200, "r10", ROUTE),
        (200, "", Probe("h.example.com", "/route", 404)),
        (503, "", Probe("h.example.com", "/ping", 200)),
    ],
)
def test_another_answer_than_the_expected_does_not_count(status: int, body: str, probe: Probe) -> None:
    async def scenario() -> None:
        gateway = Gateway("a", body, status=status)
        async with serving(gateway) as pods, a_prober() as (prober, _):
            prober.want(KEY, (probe,), tuple(pods))
            await until(lambda: len(gateway.heads) >= 2)
            assert prober.answers(KEY) == {probe: ()}

    asyncio.run(scenario())


def test_without_an_expected_body_any_body_will_do() -> None:
    async def scenario() -> None:
        ping = Probe("h.example.com", "/ping", 200, revision="i")
        async with serving(Gateway("a", "whatever")) as pods, a_prober() as (prober, _):
            prober.want(KEY, (ping,), tuple(pods))
            await until(lambda: prober.answers(KEY) == {ping: ("a",)})

    asyncio.run(scenario())


def test_a_pod_that_is_not_there_is_asked_again() -> None:
    async def scenario() -> None:
        gateway = Gateway("a", "r1")
        async with serving(gateway) as pods:
            pass
        async with a_prober() as (prober, _):
            prober.want(KEY, (ROUTE,), tuple(pods))
            server = await asyncio.start_server(gateway.handle, "127.0.0.1", pods[0].port)
            async with server:
                await until(lambda: prober.answers(KEY) == {ROUTE: ("a",)})

    asyncio.run(scenario())


def test_answers_live_no_longer_than_their_question() -> None:
    async def scenario() -> None:
        async with serving(Gateway("a", "r1")) as pods, a_prober() as (prober, _):
            prober.want(KEY, (ROUTE,), tuple(pods))
            await until(lambda: prober.answers(KEY) == {ROUTE: ("a",)})
            prober.want(KEY, (ROUTE,), tuple(pods))
            assert prober.answers(KEY) == {ROUTE: ("a",)}
            prober.want(KEY, (), tuple(pods))
            assert prober.answers(KEY) == {}

    asyncio.run(scenario())


def test_a_pod_that_joins_is_asked_too() -> None:
    async def scenario() -> None:
        first, second = Gateway("first", "r1"), Gateway("second", "r1")
        async with serving(first, second) as pods, a_prober() as (prober, _):
            prober.want(KEY, (ROUTE,), (pods[0],))
            await until(lambda: prober.answers(KEY) == {ROUTE: ("first",)})
            prober.want(KEY, (ROUTE,), tuple(pods))
            await until(lambda: prober.answers(KEY) == {ROUTE: ("first", "second")})
            assert len(first.heads) == 1

    asyncio.run(scenario())


def test_one_endpoints_answers_are_not_anothers() -> None:
    async def scenario() -> None:
        async with serving(Gateway("a", "r1")) as pods, a_prober() as (prober, woken):
            prober.want(KEY, (ROUTE,), tuple(pods))
            await until(lambda: woken == [KEY])
            assert prober.answers(OTHER) == {}

    asyncio.run(scenario())


def test_nobody_is_asked_for_what_is_forgotten() -> None:
    async def scenario() -> None:
        gateway, other = Gateway("a", "r0"), Gateway("b", "r1")
        async with serving(gateway, other) as pods, a_prober() as (prober, _):
            prober.want(KEY, (ROUTE,), (pods[0],))
            await until(lambda: len(gateway.heads) >= 1)
            prober.forget(KEY)
            asked = len(gateway.heads)
            prober.want(OTHER, (ROUTE,), (pods[1],))
            await until(lambda: prober.answers(OTHER) == {ROUTE: ("b",)})
            assert len(gateway.heads) <= asked + 1

    asyncio.run(scenario())


def self_signed(folder: Path) -> ssl.SSLContext:
    key, certificate = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(key), "-out", str(certificate), "-subj", "/CN=somebody.else"]
    subprocess.run([*command, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def test_tls_is_asked_with_the_endpoints_name_and_any_certificate(tmp_path: Path) -> None:
    names: list[str | None] = []
    context = self_signed(tmp_path)
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    async def scenario() -> None:
        probe = Probe("titanic.example.com", "/route", 200, tls=True)
        async with serving(Gateway("a"), tls=context) as pods, a_prober() as (prober, _):
            prober.want(KEY, (probe,), tuple(pods))
            await until(lambda: prober.answers(KEY) == {probe: ("a",)})

    asyncio.run(scenario())
    assert names == ["titanic.example.com"]
