"""In place of istiod and two gateway pods: answers by the VirtualServices, as soon as they are seen.

Knows exact paths and direct responses, which is all that a probe asks for. It
listens on an address of this machine that is no loopback, since an
EndpointSlice takes no other.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import msgspec
from msgspec import Struct

from mlendpoints.api.labels import PROXY_PING_PATH
from mlendpoints.core.routes import PING
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.kinds import SLICE_SERVICE
from tests.kit.client import Client, Object

NAME = "gateway"
_PODS = 2

Decide = Callable[[str, str], tuple[int, str]]  # of host and path: status and body


class _Metadata(Struct, frozen=True):
    name: str


class _Uri(Struct, frozen=True):
    exact: str = ""


class _Match(Struct, frozen=True):
    uri: _Uri = _Uri()


class _Body(Struct, frozen=True):
    string: str = ""


class _Response(Struct, frozen=True):
    status: int = 200
    body: _Body = _Body()


class _Rewrite(Struct, frozen=True):
    uri: str = ""


class _Rule(Struct, frozen=True, rename="camel"):
    name: str = ""
    match: list[_Match] = []
    rewrite: _Rewrite = _Rewrite()
    direct_response: _Response = _Response()

    @property
    def answer(self) -> _Response:
        """A route to a model answers 200; a ping, with the name of the instance."""
        pinged = self.rewrite.uri == PROXY_PING_PATH
        return _Response(body=_Body(self.name.removeprefix(PING))) if pinged else self.direct_response


class _Spec(Struct, frozen=True):
    hosts: list[str]
    http: list[_Rule]


class VirtualService(Struct, frozen=True):
    """The part of a VirtualService that probes see."""

    metadata: _Metadata
    spec: _Spec

    @property
    def answers(self) -> dict[str, _Response]:
        """What is answered, by exact path."""
        return {match.uri.exact: rule.answer for rule in self.spec.http for match in rule.match}


class Gateway:
    """The routes that stand, and the answers they give."""

    def __init__(self) -> None:
        self._answers: dict[str, dict[str, _Response]] = {}

    async def follow(self, client: Client, namespace: str) -> None:
        """Takes over the routes of one namespace, until it is cancelled."""
        async for event in client.follow(kinds.VIRTUAL_SERVICE.path(namespace)):
            route = msgspec.json.decode(event.object, type=VirtualService)
            for host in route.spec.hosts:
                self._answers[host] = {} if event.type == "DELETED" else route.answers

    def decide(self, host: str, path: str) -> tuple[int, str]:
        """Status and body."""
        answer = self._answers.get(host, {}).get(path, _Response(status=404))
        return answer.status, answer.body.string


async def answer(decide: Decide, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request on one connection, answered as is decided by its host and path."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        request, *lines = head.decode("latin-1").splitlines()
        headers = dict(line.lower().split(": ", 1) for line in lines if line)
        status, body = decide(headers["host"], request.split(" ")[1])
        writer.write(f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the operator has withdrawn its question, or is dead
    finally:
        writer.close()


@asynccontextmanager
async def serving(client: Client, namespace: str) -> AsyncIterator[Gateway]:
    """A gateway that listens, and its Service with the pods that an operator asks."""
    gateway = Gateway()
    server = await asyncio.start_server(partial(answer, gateway.decide), own_address(), 0, backlog=1024)
    address, port = server.sockets[0].getsockname()
    await client.create(kinds.SERVICE.path(namespace), make_service())
    await client.create(kinds.SLICE.path(namespace), make_slice(address, port))
    async with server:
        yield gateway


def own_address() -> str:
    """The address that this machine would send from; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


def make_service() -> Object:
    """The ingress gateway's Service."""
    return {"metadata": {"name": NAME}, "spec": {"ports": [{"name": "http2", "port": 80}]}}


def make_slice(address: str, port: int) -> Object:
    """Two pods that share one address."""
    names = [f"{NAME}-{number}" for number in range(_PODS)]
    ready = {"addresses": [address], "conditions": {"ready": True, "serving": True}}
    return {
        "metadata": {"name": NAME, "labels": {SLICE_SERVICE: NAME}},
        "addressType": "IPv4",
        "ports": [{"name": "http2", "port": port, "protocol": "TCP"}],
        "endpoints": [ready | {"targetRef": {"kind": "Pod", "name": name}} for name in names],
    }
