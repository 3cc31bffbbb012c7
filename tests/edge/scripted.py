"""A tiny HTTP server that says exactly what a test tells it to, request by request."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import ClientSession

from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.session import timeout

Object = dict[str, Any]


class Exchange:
    """One request and the ways to answer it."""

    def __init__(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        self.method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        self.path = urlsplit(target).path
        self.query = {key: values[0] for key, values in parse_qs(urlsplit(target).query).items()}
        self._writer = writer

    async def say(self, body: Object, *, code: int = 200) -> None:
        """A whole answer."""
        await self.say_raw(json.dumps(body).encode(), code=code)

    async def say_raw(self, content: bytes, *, code: int = 200) -> None:
        """A whole answer that need not be JSON."""
        self._writer.write(f"HTTP/1.1 {code} .\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)
        await self._writer.drain()

    async def begin(self) -> None:
        """The head of a stream."""
        self._writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await self._writer.drain()

    async def send(self, kind: str, obj: Object) -> None:
        """One event of a watch."""
        await self.send_raw(json.dumps({"type": kind, "object": obj}).encode() + b"\n")

    async def send_raw(self, line: bytes) -> None:
        """One line of a watch that need not be an event."""
        self._writer.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        await self._writer.drain()

    async def end(self) -> None:
        """The orderly end of a stream."""
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    def drop(self) -> None:
        """Breaks the connection."""
        self._writer.transport.abort()


Step = Callable[[Exchange], Awaitable[None]]


class Script:
    """Steps in the order in which requests come; the last one answers all that come after it."""

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps)
        self.seen: list[Exchange] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                exchange = Exchange(head, writer)
                step = self._steps[min(len(self.seen), len(self._steps) - 1)]
                self.seen.append(exchange)
                await step(exchange)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def played(script: Script) -> AsyncIterator[Api]:
    """An API whose server plays the script."""
    server = await asyncio.start_server(script.handle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    api = Api(ClientSession(base_url=url, timeout=timeout(silence=5.0)))
    try:
        yield api
    finally:
        await api.close()
        server.close()
