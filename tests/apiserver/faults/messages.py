"""Requests and answers of the Kubernetes API as values, and as HTTP/1.1 on a socket."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Struct

_OF_ONE_HOP = frozenset({"accept-encoding", "connection", "content-length", "host", "transfer-encoding"})
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}

Headers = dict[str, str]


class Request(Struct, frozen=True, kw_only=True):
    """What the operator asks."""

    method: str
    path: str
    query: dict[str, str] = {}
    headers: Headers = {}
    body: bytes = b""

    @property
    def verb(self) -> str:
        """As in RBAC."""
        if self.is_write:
            return _VERBS[self.method]
        if "watch" in self.query:
            return "watch"
        return "get" if self.name else "list"

    @property
    def plural(self) -> str:
        """The kind, as paths name it."""
        return self._parts[0]

    @property
    def name(self) -> str:
        """Name of the object; empty for a collection."""
        return self._parts[1] if len(self._parts) > 1 else ""

    @property
    def is_write(self) -> bool:
        """Whether it may change anything."""
        return self.method != "GET"

    @property
    def _parts(self) -> list[str]:
        parts = self.path.strip("/").split("/")
        below = parts[2:] if parts[0] == "api" else parts[3:]
        return below[2:] if below[0] == "namespaces" and len(below) > 2 else below


class Answer(Struct, frozen=True, kw_only=True):
    """What the operator hears: a body, or the lines of a watch."""

    code: int
    body: bytes = b""
    headers: Headers = {}
    lines: AsyncIterator[bytes] | None = None


def failure(code: int, reason: str = "", *, headers: Headers | None = None) -> Answer:
    """A ``meta/v1.Status`` as the API server sends it."""
    return Answer(code=code, body=msgspec.json.encode(make_status(code, reason)), headers=headers or {})


def make_status(code: int, reason: str) -> dict[str, object]:
    """The ``Status`` alone, as it also stands in a watch's ``ERROR``."""
    said = {"status": "Failure", "code": code, "reason": reason, "message": f"injected: {code} {reason}".strip()}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}} | said


def without_hop(headers: Headers) -> Headers:
    """The headers that go on to the next hop."""
    return {name: value for name, value in headers.items() if name.lower() not in _OF_ONE_HOP}


async def read_request(reader: asyncio.StreamReader) -> Request:
    """The next request of a connection; raises ``IncompleteReadError`` at its end."""
    head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
    method, target, _ = head.split(" ")
    headers = dict(line.split(": ", 1) for line in lines if line)
    length = next((int(value) for name, value in headers.items() if name.lower() == "content-length"), 0)
    url = urlsplit(target)
    return Request(
        method=method,
        path=url.path,
        query=dict(parse_qsl(url.query)),
        headers=without_hop(headers),
        body=await reader.readexactly(length),
    )


async def write_answer(writer: asyncio.StreamWriter, answer: Answer) -> None:
    """A whole answer, or the lines of a watch as they come."""
    framing = (
        f"Content-Length: {len(answer.body)}"
        if answer.lines is None
        else "Transfer-Encoding: chunked\r\nConnection: close"
    )
    headers = (f"{name}: {value}" for name, value in without_hop(answer.headers).items())
    writer.write("\r\n".join((f"HTTP/1.1 {answer.code} -", framing, *headers, "", "")).encode("latin-1"))
    if answer.lines is None:
        writer.write(answer.body)
    else:
        await _write_lines(writer, answer.lines)
    await writer.drain()


async def _write_lines(writer: asyncio.StreamWriter, lines: AsyncIterator[bytes]) -> None:
    await writer.drain()
    async for line in lines:
        writer.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        await writer.drain()
    writer.write(b"0\r\n\r\n")
