"""Invocations through the ingress gateway: where it is, one request to it, its response.

The URL in an endpoint's status is used as it is if its host takes connections. Otherwise the gateway's Service is read:
its load balancer's address, its external addresses, and its cluster IP, which nodes and pods can reach. If none of them
takes connections, the API server forwards a port to one of its pods.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from urllib.parse import urlsplit

from aiohttp import (
    ClientConnectorCertificateError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
)
from msgspec import Struct
from yarl import URL

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.labels import INVOKED_VARIANT_HEADER
from mlendpoints.client import errors
from mlendpoints.client.connection import Connection
from mlendpoints.client.payloads import Answer, Payload
from mlendpoints.client.places import CONNECT, Place, first_reachable
from mlendpoints.client.tunnels import PORTS, Tunnel, TunnelConnector

DEFAULT = "istio-ingress/istio-ingressgateway"
LARGEST = 256 * 1024 * 1024  # bytes of a response that is not streamed
_SHOWN = 1000  # characters of an error's body
_ADVICE = 'Pass its address: MLOpsClient(gateway="http://HOST:PORT").'
_HINTS = {
    404: "No such path or variant at this endpoint.",
    413: "The body is too large: pods accept 6 MB.",
    415: "The model does not accept this content type: pass content_type.",
    429: "The model is overloaded: retry later.",
    502: "The pod was lost during the request.",
    503: "No pod can answer: see explain().",
    504: "The model did not answer in time.",
}


class Target(Struct, frozen=True):
    """Where to connect, and the host to name there; ``is_forwarded``: through the API server, wherever the URL is."""

    url: str  # scheme, host or address, port
    host: str
    is_forwarded: bool = False


class Gateway:
    """The gateway of a cluster: a Service (NAMESPACE/NAME), or its address (http://HOST:PORT).

    ``port_forward``: always (True), never (False), or only if nothing else reaches it (None).
    """

    def __init__(self, connection: Connection, name: str = DEFAULT, *, port_forward: bool | None = None) -> None:
        if "://" in name and port_forward:
            raise errors.ConfigurationError(f"A port is forwarded to a Service, not to {name}: name one, or neither.")
        self._name = name
        self._place = Place(connection, name)
        self._port_forward = port_forward
        self._targets: dict[str, Target] = {}  # by the endpoint's URL
        self._direct: ClientSession | None = None
        self._forwarded: ClientSession | None = None
        self._tunnels: TunnelConnector | None = None

    async def invoke(self, endpoint: Endpoint, payload: Payload, headers: dict[str, str], *, timeout: float) -> Answer:
        """One invocation; never repeated, since it may have effects."""
        async with self._response(endpoint, payload, headers, timeout) as response:
            return Answer(
                content=await _whole(response),
                content_type=response.headers.get("Content-Type", ""),
                variant=response.headers.get(INVOKED_VARIANT_HEADER, ""),
            )

    async def stream(
        self, endpoint: Endpoint, payload: Payload, headers: dict[str, str], *, timeout: float
    ) -> AsyncGenerator[bytes]:
        """The response's body as it comes."""
        async with self._response(endpoint, payload, headers, timeout) as response:
            async for piece in response.content.iter_any():
                yield piece

    async def close(self) -> None:
        """Closes all connections."""
        for session in (self._direct, self._forwarded):
            if session is not None:
                await session.close()
        if self._tunnels is not None:
            await self._tunnels.ended()

    @asynccontextmanager
    async def _response(
        self, endpoint: Endpoint, payload: Payload, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[ClientResponse]:
        target = await self._target(endpoint)
        try:
            async with self._session(target).post(
                URL(f"{target.url}/invocations"),
                data=BytesIO(payload.body) if isinstance(payload.body, bytes) else payload.body,  # sent in pieces
                headers=headers | {"Host": target.host},
                server_hostname=target.host.partition(":")[0] if target.url.startswith("https:") else None,
                timeout=ClientTimeout(total=None, sock_connect=CONNECT, sock_read=timeout),
                allow_redirects=False,
            ) as response:
                if not response.ok:
                    raise await _failure(endpoint, response)
                yield response
        except ConnectionTimeoutError as error:
            raise self._unreachable(endpoint, target, error) from None
        except TimeoutError:
            raise errors.WaitTimeoutError(
                f"{target.url} sent no response within {timeout:g} s. The model may still be at work.", goal="response"
            ) from None
        except (ClientError, OSError) as error:
            raise self._unreachable(endpoint, target, error) from None

    def _session(self, target: Target) -> ClientSession:
        if not target.is_forwarded:
            self._direct = self._direct or ClientSession()
            return self._direct
        if self._forwarded is None:
            self._tunnels = TunnelConnector(self._dial)
            self._forwarded = ClientSession(connector=self._tunnels)
        return self._forwarded

    async def _dial(self, port: int) -> Tunnel:
        try:
            return await self._place.dial(port)
        except errors.ClientError as error:
            raise errors.UnreachableError(
                f"The gateway {self._name} cannot be reached from here, and no port can be forwarded to it: {error}"
                f" {_ADVICE}"
            ) from None

    def _unreachable(self, endpoint: Endpoint, target: Target, error: Exception) -> errors.ClientError:
        self._targets.pop(endpoint.status.url, None)  # to be found again by the next invocation
        if isinstance(error, ClientConnectorCertificateError):
            return errors.UnreachableError(
                f"The certificate of {target.host} is not trusted: {error.certificate_error}."
            )
        if target.is_forwarded:
            broken = (self._tunnels and self._tunnels.failure) or error or type(error).__name__
            return errors.UnreachableError(
                f"The port that is forwarded to the gateway {self._name} is broken: {broken}."
            )
        return errors.UnreachableError(
            f"{target.url} does not respond for {target.host} ({error or type(error).__name__}). Is the gateway"
            f" reachable from here? {_ADVICE}"
        )

    async def _target(self, endpoint: Endpoint) -> Target:
        url = endpoint.status.url
        if not url:
            raise errors.UnreachableError(f"Endpoint {endpoint.metadata.name} has no URL yet: see explain().")
        if "://" in self._name:
            return Target(self._name.rstrip("/"), urlsplit(url).netloc)
        if url not in self._targets:
            self._targets[url] = await self._find(url)
        return self._targets[url]

    async def _find(self, url: str) -> Target:
        """The endpoint's own host, else an address of the gateway, else a forwarded port."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", PORTS[parts.scheme]
        forwarded = Target(url, parts.netloc, is_forwarded=True)
        if self._port_forward:
            return forwarded
        if await first_reachable((host,), parts.port or port):
            return Target(url, parts.netloc)
        addresses = await self._addresses()
        found = await first_reachable(addresses, port)
        if found:
            return Target(f"{parts.scheme}://{_bracketed(found)}:{port}", parts.netloc)
        if self._port_forward is None:
            return forwarded
        tried = ", ".join((host, *addresses))
        raise errors.UnreachableError(f"The gateway {self._name} cannot be reached from here: {tried}. {_ADVICE}")

    async def _addresses(self) -> tuple[str, ...]:
        try:
            return (await self._place.service()).addresses
        except errors.ClientError as error:
            raise errors.UnreachableError(f"Cannot find the gateway {self._name}: {error} {_ADVICE}") from None


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


async def _whole(response: ClientResponse) -> bytes:
    content = bytearray()
    async for piece in response.content.iter_any():
        content += piece
        if len(content) > LARGEST:
            raise errors.InvalidError(f"The response has more than {LARGEST} bytes: use stream().")
    return bytes(content)


async def _failure(endpoint: Endpoint, response: ClientResponse) -> errors.InvocationError:
    content = await response.content.read(4 * _SHOWN)
    variant = response.headers.get(INVOKED_VARIANT_HEADER, "")
    by = f" (variant {variant})" if variant else ""
    text = " ".join(content.decode(errors="replace").split())[:_SHOWN]
    said = f": {text}" if text else ""
    return errors.InvocationError(
        f"Endpoint {endpoint.metadata.name}{by} responded with {response.status}{said}."
        f" {_HINTS.get(response.status, '')}".rstrip(),
        status=response.status,
        content=content,
        variant=variant,
    )
