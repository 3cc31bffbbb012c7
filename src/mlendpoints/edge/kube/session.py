"""HTTP session with an API server: aiohttp's connections, lightkube's configuration and authentication."""

import sys
from collections.abc import AsyncGenerator, Sequence
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2
from aiohttp import (
    ClientHandlerType,
    ClientMiddlewareType,
    ClientRequest,
    ClientResponse,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.kubeconfig import SingleConfig

from mlendpoints.api.labels import MANAGER

TIMEOUT = 30.0  # seconds to connect, and without a byte
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": MANAGER}
_LEAVES_SOCKETS = sys.version_info < (3, 12, 8)  # TLS connections that are closed; python/cpython#118960


def open_session(
    config: SingleConfig,
    *,
    impersonate: str = "",
    server: str = "",
    middlewares: Sequence[ClientMiddlewareType] = (),
) -> ClientSession:
    """A session with the API server of a kubeconfig's context, inside a running event loop.

    ``impersonate`` names a user to act as; ``server`` replaces the context's URL; ``middlewares`` see every request
    with its credentials. Proxies come from ``HTTPS_PROXY`` and ``NO_PROXY``, as for other Kubernetes clients.
    """
    known: dict[str, Any] = ConnectionParams().httpx_params(config)
    base, auth = server or known["base_url"], known["auth"]
    return ClientSession(
        base_url=base.rstrip("/") + "/",
        headers=_HEADERS | ({"Impersonate-User": impersonate} if impersonate else {}),
        connector=TCPConnector(  # its connections are bounded by the number of workers and watches
            ssl=known["verify"], limit=0, enable_cleanup_closed=_LEAVES_SOCKETS
        ),
        cookie_jar=DummyCookieJar(),
        timeout=timeout(silence=TIMEOUT),
        middlewares=(*(() if auth is None else (_authenticate(auth, base),)), *middlewares),
        proxy=_proxy(base),
    )


def timeout(*, silence: float) -> ClientTimeout:
    """Time limits of a request that may take any time while bytes flow; ``silence``: seconds without a byte."""
    return ClientTimeout(total=None, sock_connect=TIMEOUT, sock_read=silence)


async def lines(response: ClientResponse) -> AsyncGenerator[bytes]:
    """The lines of a response as they come, of any length, without their ends."""
    rest = b""
    async for chunk in response.content.iter_any():
        *found, rest = (rest + chunk).split(b"\n")
        for line in found:
            yield line
    if rest:
        yield rest


def cause(error: Exception) -> str:
    """What went wrong with a request, without its headers: they contain credentials."""
    if isinstance(error, ClientResponseError):
        return f"{type(error).__name__}({error.status}, {error.message!r})"
    return repr(error)


def _proxy(server: str) -> str | None:
    url = urlsplit(server)
    return None if proxy_bypass(url.hostname or "") else getproxies().get(url.scheme)


def _authenticate(auth: httpx2.Auth, server: str) -> ClientMiddlewareType:
    """Sends the credentials of ``auth``, which may renew them after a 401 (rotated tokens, exec plugins)."""
    url = httpx2.URL(server)

    async def middleware(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        flow = auth.async_auth_flow(httpx2.Request(request.method, url))
        credentials = await anext(flow)
        while True:
            request.headers["Authorization"] = credentials.headers["Authorization"]
            response = await handler(request)
            try:
                credentials = await flow.asend(httpx2.Response(response.status))
            except StopAsyncIteration:
                return response
            response.release()

    return middleware
