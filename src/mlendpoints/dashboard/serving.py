"""The server: files, streams, and what runs behind them, on loopback alone."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.resources import files

from aiohttp import web

from mlendpoints.client.asynchronous import AsyncMLOpsClient
from mlendpoints.client.errors import ConfigurationError
from mlendpoints.dashboard.following import Following
from mlendpoints.dashboard.guard import Guard, Handler, add_headers
from mlendpoints.dashboard.streams import Streams
from mlendpoints.dashboard.visits import Visits

ADDRESS = "127.0.0.1"
_TYPES = {"css": "text/css", "html": "text/html", "js": "text/javascript", "svg": "image/svg+xml"}
_PLACE = "{kind:endpoints|mlmodels}/{namespace}/{name}"
_PAGES = {"/": "list.html", f"/{_PLACE}": "detail.html"}


async def serve(client: AsyncMLOpsClient, *, namespace: str, port: int, ready: Callable[[str], None]) -> None:
    """Serves until it is cancelled; ``ready`` gets the URL to open."""
    following = Following(client.live, namespace)
    streams = Streams(following, Visits(client, following))
    async with _listening(streams, port) as url:
        ready(url)
        await following.run()


@asynccontextmanager
async def _listening(streams: Streams, port: int) -> AsyncIterator[str]:
    guard = Guard()
    runner = web.AppRunner(make_app(streams, guard), access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    try:
        chosen = await _listen(runner, port)
        guard.listen(chosen)
        yield f"http://{ADDRESS}:{chosen}/?token={guard.token}"
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, port: int) -> int:
    """The port that is listened on."""
    try:
        await web.TCPSite(runner, ADDRESS, port).start()
    except OSError as error:
        raise ConfigurationError(
            f"Port {port} cannot be used: {os.strerror(error.errno or 0)}. Choose another one."
        ) from None
    return int(runner.addresses[0][1])


def make_app(streams: Streams, guard: Guard) -> web.Application:
    """What is served."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await guard.check(request, handler)

    app = web.Application(middlewares=[check])
    app.on_response_prepare.append(add_headers)
    app.router.add_get("/events/lists", streams.lists)
    app.router.add_get(f"/events/{_PLACE}", streams.detail)
    for path, name in {**_PAGES, "/favicon.ico": "icon.svg", **{f"/static/{name}": name for name in _names()}}.items():
        app.router.add_get(path, _file(name))
    return app


def _names() -> list[str]:
    return [path.name for path in files(__package__).joinpath("static").iterdir() if "." in path.name]


def _file(name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    content = files(__package__).joinpath("static", name).read_bytes()
    media = _TYPES[name.rpartition(".")[2]]

    async def respond(_request: web.Request) -> web.Response:
        return web.Response(body=content, content_type=media, charset="utf-8")

    return respond
