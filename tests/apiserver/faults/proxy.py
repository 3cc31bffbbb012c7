"""A real HTTP/1.1 server between the operator and the API server, which a ``Fault`` may bend.

Real sockets on both sides, so that a silent watch is an open connection without
a byte, a broken one is broken, and time-outs are the client's own. It notes
what the API server was asked; what a fault answers by itself is not among it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx2
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from lightkube import KubeConfig
from lightkube.config.client_adapter import ConnectionParams
from msgspec import Struct
from msgspec.structs import replace

from tests.apiserver.faults.messages import Answer, Request, read_request, without_hop, write_answer
from tests.sweep.wire import Detour

_LONGEST = 60.0  # seconds for one request to the API server; a watch may rest for longer
_LONGEST_HEAD = 2**16  # bytes
_LIMITS = httpx2.Limits(max_connections=None, max_keepalive_connections=32)

Forward = Callable[[Request], Awaitable[Answer]]


class Fault:
    """Bends nothing; what inherits from it bends something, once it is armed."""

    armed = False

    def patience(self, _plural: str) -> float | None:
        """Seconds for which the operator shall bear a silent watch of a kind; None: its own."""
        return None

    async def answer(self, request: Request, forward: Forward) -> Answer:
        """Answers in place of the API server, which ``forward`` asks."""
        return await forward(request)


class Call(Struct, frozen=True, kw_only=True):
    """One request that reached the API server, and what the API server said."""

    verb: str
    plural: str
    name: str
    code: int


class Proxy:
    """One API server, as seen through a fault that can be changed at any time."""

    def __init__(self, upstream: httpx2.AsyncClient) -> None:
        self._upstream = upstream
        self._connections: set[asyncio.Task[None]] = set()
        self.fault = Fault()
        self.calls: list[Call] = []
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the operator's."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while True:
                await self._serve(await read_request(reader), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, httpx2.HTTPError):
            pass
        except asyncio.CancelledError:
            pass  # by ``close`` alone; asyncio's streams complain about handlers that end so
        finally:
            self._connections.discard(task)
            writer.close()

    async def close(self) -> None:
        """Breaks all connections."""
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with AsyncExitStack() as streams:
            answer = await self.fault.answer(request, lambda bent: self._forward(bent, streams))
            if answer.lines is None:
                await write_answer(writer, answer)
            else:
                await _either(write_answer(writer, answer), reader.read())
                raise ConnectionResetError

    @property
    def detour(self) -> Detour:
        """To this proxy in place of the API server; for a fault's sake less patient with silent watches."""
        return Detour(self.url, (self._hurry,))

    async def _hurry(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        patience = self.fault.patience(request.url.path.rpartition("/")[2])
        if "watch" not in request.url.query or patience is None:
            return await handler(request)
        response = await asyncio.wait_for(handler(request), patience)
        if response.connection is not None and response.connection.protocol is not None:
            response.connection.protocol.read_timeout = patience
            response.connection.protocol.start_timeout()
        return response

    async def _forward(self, request: Request, streams: AsyncExitStack) -> Answer:
        response = await self._upstream.send(self._built(request), stream=True)
        streams.push_async_callback(response.aclose)
        call = Call(verb=request.verb, plural=request.plural, name=request.name, code=response.status_code)
        self.calls.append(call)
        answer = Answer(code=response.status_code, headers=without_hop(dict(response.headers)))
        if request.verb == "watch" and response.is_success:
            return replace(answer, lines=_lines(response))
        return replace(answer, body=await response.aread())

    def _built(self, request: Request) -> httpx2.Request:
        read = None if request.verb == "watch" else _LONGEST
        return self._upstream.build_request(
            request.method,
            request.path,
            params=request.query,
            headers=request.headers,
            content=request.body,
            timeout=httpx2.Timeout(_LONGEST, read=read),
        )


@asynccontextmanager
async def upstream(kubeconfig: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """The API server as its administrator; all proxies share its connections."""
    config = KubeConfig.from_file(str(kubeconfig)).get()
    assert config, f"{kubeconfig} has no current context"
    async with httpx2.AsyncClient(**ConnectionParams(trust_env=False).httpx_params(config), limits=_LIMITS) as client:
        yield client


@asynccontextmanager
async def between(api_server: httpx2.AsyncClient) -> AsyncIterator[Proxy]:
    """A proxy that listens."""
    proxy = Proxy(api_server)
    server = await asyncio.start_server(proxy.handle, "127.0.0.1", 0, limit=_LONGEST_HEAD)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()


async def _lines(response: httpx2.Response) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in response.aiter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line + b"\n"


async def _either(*endings: Coroutine[None, None, object]) -> None:
    """Until the watch ends, or the operator hangs up."""
    tasks = [asyncio.create_task(ending) for ending in endings]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
