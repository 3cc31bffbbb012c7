"""Connections of the HTTP library that the API server carries to a pod: one WebSocket for each. Opens no local port."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from socket import socket, socketpair
from typing import NamedTuple

from aiohttp import (
    BaseConnector,
    ClientConnectorCertificateError,
    ClientError,
    ClientRequest,
    ClientTimeout,
    ClientWebSocketResponse,
    WSMsgType,
)
from aiohttp.client_proto import ResponseHandler
from aiohttp.tracing import Trace

from mlendpoints.client.channels import Channels, sent
from mlendpoints.client.errors import UnreachableError

PORTS = {"http": 80, "https": 443}
_LIMIT = 16  # connections at a time
_PIECE = 1 << 15  # bytes of a frame


class Tunnel(NamedTuple):
    """A WebSocket with a port of a pod."""

    websocket: ClientWebSocketResponse
    port: int


class TunnelConnector(BaseConnector):
    """Connects by ``dial`` (with a port), wherever a request is to go; ``failure`` is what last broke a connection."""

    def __init__(self, dial: Callable[[int], Awaitable[Tunnel]]) -> None:
        super().__init__(limit=_LIMIT)
        self._dial = dial
        self._tls = ssl.create_default_context()
        self._carriers: set[asyncio.Task[None]] = set()
        self.failure = ""

    async def _create_connection(
        self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout
    ) -> ResponseHandler:
        del traces  # of callers who want to see connections
        self.failure = ""
        tunnel = await self._dial(PORTS[req.url.scheme])
        ours, theirs = socketpair()
        carrier = asyncio.create_task(self._carry(tunnel, theirs))
        self._carriers.add(carrier)
        carrier.add_done_callback(self._carriers.discard)
        tls, name = (self._tls, req.server_hostname or req.url.raw_host) if req.is_ssl() else (None, None)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout.sock_connect):
                _, protocol = await loop.create_connection(self._factory, sock=ours, ssl=tls, server_hostname=name)
        except ssl.CertificateError as error:
            raise ClientConnectorCertificateError(req.connection_key, error) from error
        return protocol

    async def _carry(self, tunnel: Tunnel, end: socket) -> None:
        """Carries bytes in both directions until either side closes."""
        reader, writer = await asyncio.open_connection(sock=end)
        sending = asyncio.create_task(_send(reader, tunnel.websocket))
        try:
            await _receive(tunnel, writer)
        except UnreachableError as error:
            self.failure = str(error)
            writer.transport.abort()
        except (ClientError, OSError) as error:  # also if the request was cancelled
            self.failure = str(error)
            writer.transport.abort()
        finally:
            sending.cancel()
            writer.close()
            await tunnel.websocket.close()

    async def ended(self) -> None:
        """Once all connections have ended, after ``close``."""
        if self._carriers:
            await asyncio.wait(self._carriers)


async def _receive(tunnel: Tunnel, writer: asyncio.StreamWriter) -> None:
    channels = Channels(tunnel.port)
    async for message in tunnel.websocket:
        if message.type is not WSMsgType.BINARY:
            raise UnreachableError(f"The API server sent no binary frame: {message.data!s:.200}")
        writer.write(channels.received(message.data))
        await writer.drain()


async def _send(reader: asyncio.StreamReader, websocket: ClientWebSocketResponse) -> None:
    with suppress(ClientError, OSError):  # the other direction reports it
        while data := await reader.read(_PIECE):
            await websocket.send_bytes(sent(data))
    await websocket.close()
