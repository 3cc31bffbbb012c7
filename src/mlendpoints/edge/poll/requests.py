"""One HTTP probe of one gateway pod: sent once, checked by its status code and the first bytes of its body.

The server may be hostile: at most ``LONGEST`` bytes of a body are read within
``TIMEOUT`` seconds; redirects are not followed, cookies are not kept, content
encodings are not decoded.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from mlendpoints.core.world import CONNECTION_REFUSED, GatewayPod, Probe

TIMEOUT = 2.0  # seconds
LONGEST = 256  # bytes of a body

HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close", "User-Agent": "mlendpoints"}
FAILURES = (TimeoutError, httpx2.HTTPError)
_CAUSES: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLError, "TLS handshake failed"),
    (ConnectionRefusedError, CONNECTION_REFUSED),
    (ConnectionResetError, "connection reset"),
    (TimeoutError, "timed out"),
)


def open_transport() -> httpx2.AsyncHTTPTransport:
    """A bare transport, since a client keeps cookies; each request uses a new connection."""
    return httpx2.AsyncHTTPTransport(limits=httpx2.Limits(max_keepalive_connections=0), verify=False, trust_env=False)


async def send_probe(transport: httpx2.AsyncHTTPTransport, probe: Probe, pod: GatewayPod) -> str:
    """Sends a probe; an empty string if the answer is as expected, else what is wrong with it."""
    try:
        async with asyncio.timeout(TIMEOUT), response_to(transport, _request(probe, pod)) as response:
            return await _check(probe, response)
    except FAILURES as error:
        return failure_of(error)


@asynccontextmanager
async def response_to(transport: httpx2.AsyncHTTPTransport, request: httpx2.Request) -> AsyncIterator[httpx2.Response]:
    """The response, to be read; closed afterwards. Raises one of ``FAILURES``, with a timeout around it."""
    response = await transport.handle_async_request(request)
    try:
        yield response
    finally:
        await response.aclose()


def _request(probe: Probe, pod: GatewayPod) -> httpx2.Request:
    url = f"{'https' if probe.tls else 'http'}://{authority(pod.address, pod.port)}{probe.path}"
    extensions = {"sni_hostname": probe.host} if probe.tls else {}
    return httpx2.Request("GET", url, headers={"Host": probe.host, **HEADERS}, extensions=extensions)


def authority(address: str, port: int) -> str:
    """Address and port as in a URL (RFC 3986 authority)."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


async def _check(probe: Probe, response: httpx2.Response) -> str:
    if response.status_code != probe.status:
        return f"status {response.status_code}"
    if probe.body and await read_start(response, LONGEST) != probe.body.encode():
        return "wrong body"
    return ""


async def read_start(response: httpx2.Response, longest: int) -> bytes:
    """The raw body, or its start: more than ``longest`` bytes."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk[: longest + 1]
        if len(body) > longest:
            break
    return bytes(body)


def failure_of(error: BaseException | None) -> str:
    """Describes one of ``FAILURES``: the end of the time, else the innermost known cause."""
    if isinstance(error, TimeoutError):
        return "timed out"
    failure = "no HTTP answer" if isinstance(error, httpx2.RemoteProtocolError) else "connection failed"
    while error is not None:
        failure = next((failure for kind, failure in _CAUSES if isinstance(error, kind)), failure)
        error = error.__cause__ or error.__context__
    return failure
