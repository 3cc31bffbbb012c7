import asyncio
import contextlib
import gzip
import ssl
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mlendpoints.core.world import GatewayPod, Probe, Ref
from mlendpoints.edge.observe.answers import Answers
from mlendpoints.edge.poll import requests
from mlendpoints.edge.poll.probes import Prober
from tests.kit.certificates import self_signed
from tests.kit.waiting import until

KEY, OTHER = Ref("Endpoint", "ns", "a"), Ref("Endpoint", "ns", "b")
ROUTE = Probe("titanic.example.com", "/route", 200, body="r1", revision="r1")
PING = Probe("titanic.example.com", "/ping", 200, revision="i")


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


def answered(prober: Prober, key: Ref = KEY) -> dict[Probe, tuple[str, ...]]:
    """Names of the pods that answered as expected."""
    return {probe: tuple(sorted(pod.name for pod in pods)) for probe, pods in prober.answers(key).expected.items()}


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
            await until(lambda: answered(prober) == {ROUTE: ("a", "b")})
            assert woken == [KEY, KEY]
            assert all("Host: titanic.example.com\r\n" in head for head in (*a.heads, *b.heads))
            assert all(head.startswith("GET /route HTTP/1.1\r\n") for head in (*a.heads, *b.heads))

    asyncio.run(scenario())


def test_a_pod_that_lags_is_asked_until_it_answers_as_expected() -> None:
    async def scenario() -> None:
        ahead, behind = Gateway("ahead", "r1"), Gateway("behind", "r0")
        async with serving(ahead, behind) as pods, a_prober() as (prober, woken):
            prober.want(KEY, (ROUTE,), tuple(pods))
            await until(lambda: len(behind.heads) >= 3)
            assert answered(prober) == {ROUTE: ("ahead",)}
            behind.body = "r1"
            await until(lambda: answered(prober) == {ROUTE: ("ahead", "behind")})
            assert woken == [KEY, KEY]
            assert len(ahead.heads) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("status", "body", "probe", "unexpected"),
    [
        (404, "r1", ROUTE, "status 404"),
        (302, "r1", ROUTE, "status 302"),
        (200, "r10", ROUTE, "wrong body"),
        (200, "r", ROUTE, "wrong body"),
        (200, "r1" * 100_000, ROUTE, "wrong body"),
        (200, "", Probe("h.example.com", "/route", 404), "status 200"),
        (503, "", Probe("h.example.com", "/ping", 200), "status 503"),
    ],
)
def test_another_answer_than_the_expected_does_not_count_and_is_told(
    status: int, body: str, probe: Probe, unexpected: str
) -> None:
    async def scenario() -> None:
        gateway = Gateway("a", body, status=status)
        async with serving(gateway) as pods, a_prober() as (prober, _):
            prober.want(KEY, (probe,), tuple(pods))
            await until(lambda: len(gateway.heads) >= 2)
            assert answered(prober) == {}
            assert prober.answers(KEY).unexpected == {probe: {pods[0]: unexpected}}

    asyncio.run(scenario())


def test_probes_are_counted_by_whether_the_answer_was_expected() -> None:
    async def scenario() -> None:
        gateway, counted = Gateway("a", "r0"), list[bool]()
        prober = Prober(lambda _key: None, count=counted.append)
        async with serving(gateway) as pods:
            prober.want(KEY, (ROUTE,), tuple(pods))
            await until(lambda: len(counted) >= 2)
            gateway.body = "r1"
            await until(lambda: answered(prober) == {ROUTE: ("a",)})
            await prober.close()
        assert counted == [*[False] * (len(counted) - 1), True]

    asyncio.run(scenario())


def test_without_an_expected_body_any_body_will_do() -> None:
    async def scenario() -> None:
        ping = Probe("h.example.com", "/ping", 200, revision="i")
        async with serving(Gateway("a", "whatever")) as pods, a_prober() as (prober, _):
            prober.want(KEY, (ping,), tuple(pods))
            await until(lambda: answered(prober) == {ping: ("a",)})

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
                await until(lambda: answered(prober) == {ROUTE: ("a",)})

    asyncio.run(scenario())


def test_answers_live_no_longer_than_their_question() -> None:
    async def scenario() -> None:
        async with serving(Gateway("a", "r1")) as pods, a_prober() as (prober, _):
            prober.want(KEY, (ROUTE,), tuple(pods))
            await until(lambda: answered(prober) == {ROUTE: ("a",)})
            prober.want(KEY, (ROUTE,), tuple(pods))
            assert answered(prober) == {ROUTE: ("a",)}
            prober.want(KEY, (), tuple(pods))
            assert answered(prober) == {}

    asyncio.run(scenario())


def test_a_pod_that_joins_is_asked_too() -> None:
    async def scenario() -> None:
        first, second = Gateway("first", "r1"), Gateway("second", "r1")
        async with serving(first, second) as pods, a_prober() as (prober, _):
            prober.want(KEY, (ROUTE,), (pods[0],))
            await until(lambda: answered(prober) == {ROUTE: ("first",)})
            prober.want(KEY, (ROUTE,), tuple(pods))
            await until(lambda: answered(prober) == {ROUTE: ("first", "second")})
            assert len(first.heads) == 1

    asyncio.run(scenario())


def test_one_endpoints_answers_are_not_anothers() -> None:
    async def scenario() -> None:
        async with serving(Gateway("a", "r1")) as pods, a_prober() as (prober, woken):
            prober.want(KEY, (ROUTE,), tuple(pods))
            await until(lambda: woken == [KEY])
            assert answered(prober, OTHER) == {}

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
            await until(lambda: answered(prober, OTHER) == {ROUTE: ("b",)})
            assert len(gateway.heads) <= asked + 1

    asyncio.run(scenario())


class Hostile:
    """A model behind a gateway that answers as it likes, for as long as it likes."""

    def __init__(self, head: bytes, *, endless: bytes = b"", pause: float = 0.0) -> None:
        self.head, self.endless, self.pause = head, endless, pause
        self.asked = 0
        self.heads: list[bytes] = []
        self.answers: list[tuple[asyncio.Task[None], asyncio.StreamWriter]] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            self.asked += 1
            writer.write(self.head)
            while self.endless and not writer.is_closing():
                writer.write(self.endless)
                await writer.drain()
                await asyncio.sleep(self.pause)
        writer.close()

    def begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self.handle(reader, writer))
        self.answers.append((task, writer))

    async def end(self) -> None:
        for task, writer in self.answers:
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*(task for task, _ in self.answers), return_exceptions=True)


@asynccontextmanager
async def answering(hostile: Hostile) -> AsyncIterator[GatewayPod]:
    server = await asyncio.start_server(hostile.begin, "127.0.0.1", 0)
    yield GatewayPod("hostile", "127.0.0.1", server.sockets[0].getsockname()[1])
    server.close()
    await hostile.end()


OK_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n"


def gzipped(size: int) -> bytes:
    body = gzip.compress(bytes(size))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def in_charset(name: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset={name}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize(
    ("hostile", "unexpected"),
    [
        (Hostile(OK_HEAD, endless=CHUNK), "wrong body"),
        (Hostile(OK_HEAD, endless=b"1\r\nx\r\n", pause=0.05), "timed out"),
        (Hostile(b"", endless=b"x", pause=0.05), "timed out"),
        (Hostile(b"HTTP/1.1 200 OK\r\n", endless=b"A: b\r\n", pause=0.05), "timed out"),
        (Hostile(b"HTTP/1.1 200 OK\r\n", endless=b"A: " + b"x" * 4000 + b"\r\n"), "no HTTP answer"),
        (Hostile(gzipped(100_000_000)), "wrong body"),
        (Hostile(in_charset("punycode", b"a-" * 200_000)), "wrong body"),
        (Hostile(b"what is HTTP?\r\n\r\n"), "no HTTP answer"),
        (Hostile(b""), "no HTTP answer"),
    ],
    ids=["endless", "drip", "slow status line", "slow headers", "many headers", "bomb", "charset", "no HTTP", "silent"],
)
def test_a_hostile_answer_costs_little_and_is_told(
    hostile: Hostile, unexpected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "TIMEOUT", 0.5)

    async def scenario() -> None:
        async with answering(hostile) as pod, a_prober() as (prober, _):
            prober.want(KEY, (ROUTE,), (pod,))
            await until(lambda: prober.answers(KEY).unexpected == {ROUTE: {pod: unexpected}})
            prober.clear()

    tracemalloc.start()
    asyncio.run(scenario())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * 2**20


def test_an_expected_answer_needs_no_end_unless_its_body_counts() -> None:
    async def scenario() -> None:
        ping = Probe("h.example.com", "/ping", 200, revision="i")
        hostile = Hostile(OK_HEAD, endless=CHUNK)
        async with answering(hostile) as pod, a_prober() as (prober, _):
            prober.want(KEY, (ping,), (pod,))
            await until(lambda: answered(prober) == {ping: ("hostile",)})

    asyncio.run(scenario())


def test_a_cookie_that_one_model_sets_is_never_sent_to_another() -> None:
    async def scenario() -> None:
        cookie = (
            b"HTTP/1.1 404 Not Found\r\nSet-Cookie: big=" + b"x" * 60_000 + b"; Path=/\r\nContent-Length: 0\r\n\r\n"
        )
        hostile = Hostile(cookie)
        async with answering(hostile) as pod, a_prober() as (prober, _):
            prober.want(KEY, (ROUTE,), (pod,))
            await until(lambda: hostile.asked >= 2)
            assert all(b"ookie" not in head for head in hostile.heads)

    asyncio.run(scenario())


def test_endpoints_whose_probes_never_end_hold_up_no_other_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "TIMEOUT", 60)

    async def scenario() -> None:
        stuck = [Ref("Endpoint", "hostile", f"e{number}") for number in range(50)]
        hostile, good = Hostile(b"", endless=b"x", pause=1), Gateway("good", "r1")
        probes = tuple(Probe("h.example.com", f"/{number}", 200, revision="i") for number in range(20))
        async with answering(hostile) as pod, serving(good) as pods, a_prober() as (prober, _):
            for key in stuck:
                prober.want(key, probes, (pod,))
            await until(lambda: hostile.asked >= 16)
            prober.want(KEY, (ROUTE,), tuple(pods))
            await until(lambda: answered(prober) == {ROUTE: ("good",)})
            assert hostile.asked == 16
            prober.clear()

    asyncio.run(scenario())


def test_a_lost_lease_drops_every_answer_and_question() -> None:
    async def scenario() -> None:
        good, behind = Gateway("good", "r1"), Gateway("behind", "r0")
        async with serving(good, behind) as pods, a_prober() as (prober, _):
            prober.want(KEY, (ROUTE,), tuple(pods))
            await until(lambda: answered(prober) == {ROUTE: ("good",)})
            prober.clear()
            assert prober.answers(KEY) == Answers()
            asked = len(behind.heads)
            prober.want(OTHER, (ROUTE,), (pods[0],))
            await until(lambda: answered(prober, OTHER) == {ROUTE: ("good",)})
            assert len(behind.heads) <= asked + 1

    asyncio.run(scenario())


def test_an_answer_belongs_to_a_pod_at_its_address() -> None:
    pod = GatewayPod("gateway-0", "10.0.0.1", 8080)
    heir = GatewayPod("gateway-0", "10.0.0.2", 8080)
    answers = Answers({ROUTE: frozenset({pod})}, {PING: {pod: "status 503"}})
    assert answers.expected_of((pod,)) == {ROUTE: ("gateway-0",)}
    assert answers.unexpected_of((pod,)) == {PING: {"gateway-0": "status 503"}}
    assert answers.expected_of((heir,)) == {ROUTE: ()}
    assert answers.unexpected_of((heir,)) == {PING: {}}


def test_tls_is_asked_with_the_endpoints_name_and_any_certificate(tmp_path: Path) -> None:
    names: list[str | None] = []
    context = self_signed(tmp_path)
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    async def scenario() -> None:
        probe = Probe("titanic.example.com", "/route", 200, tls=True)
        async with serving(Gateway("a"), tls=context) as pods, a_prober() as (prober, _):
            prober.want(KEY, (probe,), tuple(pods))
            await until(lambda: answered(prober) == {probe: ("a",)})

    asyncio.run(scenario())
    assert names == ["titanic.example.com"]
