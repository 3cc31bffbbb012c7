"""Invocations through the ingress gateway: where it is, one request to it, its response.

The URL in an endpoint's status is used as it is if its host resolves. Otherwise the gateway's Service is read: its
load balancer's address, its external addresses, and its cluster IP, which nodes and pods can reach.
"""

import asyncio
import socket
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
from msgspec import Struct, field
from yarl import URL

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.labels import INVOKED_VARIANT_HEADER
from mlendpoints.client import errors
from mlendpoints.client.connection import Connection
from mlendpoints.client.payloads import Answer, Payload
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.client import Request
from mlendpoints.edge.kube.decoding import UNREADABLE, read
from mlendpoints.edge.kube.kinds import SERVICE

DEFAULT = "istio-ingress/istio-ingressgateway"
LARGEST = 256 * 1024 * 1024  # bytes of a response that is not streamed
_CONNECT = 5.0  # seconds
_SHOWN = 1000  # characters of an error's body
_PORTS = {"http": 80, "https": 443}
_HINTS = {
    404: "No such path or variant at this endpoint.",
    413: "The body is too large: pods accept 6 MB.",
    415: "The model does not accept this content type: pass content_type.",
    429: "The model is overloaded: retry later.",
    502: "The pod was lost during the request.",
    503: "No pod can answer: see explain().",
    504: "The model did not answer in time.",
}


class _Ingress(Struct, frozen=True):
    ip: str = ""
    hostname: str = ""


class _LoadBalancer(Struct, frozen=True):
    ingress: tuple[_Ingress, ...] = ()


class _ServiceStatus(Struct, frozen=True, rename="camel"):
    load_balancer: _LoadBalancer = _LoadBalancer()


class _ServiceSpec(Struct, frozen=True):
    cluster_ip: str = field(name="clusterIP", default="")
    external_ips: tuple[str, ...] = field(name="externalIPs", default=())


class _Service(Struct, frozen=True):
    spec: _ServiceSpec
    status: _ServiceStatus = _ServiceStatus()


class Target(Struct, frozen=True):
    """Where to connect, and the host to name there."""

    url: str  # scheme, host or address, port
    host: str


class Gateway:
    """The gateway of a cluster: a Service (NAMESPACE/NAME), or its address (http://HOST:PORT)."""

    def __init__(self, connection: Connection, place: str = DEFAULT) -> None:
        self._connection = connection
        self._place = place
        self._session: ClientSession | None = None

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
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def _response(
        self, endpoint: Endpoint, payload: Payload, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[ClientResponse]:
        target = await self._target(endpoint)
        if self._session is None:
            self._session = ClientSession(auto_decompress=True)
        try:
            async with self._session.post(
                URL(f"{target.url}/invocations"),
                data=BytesIO(payload.body) if isinstance(payload.body, bytes) else payload.body,  # sent in pieces
                headers=headers | {"Host": target.host},
                server_hostname=target.host.partition(":")[0] if target.url.startswith("https:") else None,
                timeout=ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=timeout),
                allow_redirects=False,
            ) as response:
                if not response.ok:
                    raise await _failure(endpoint, response)
                yield response
        except ConnectionTimeoutError as error:
            raise _unreachable(target, error) from None
        except TimeoutError:
            raise errors.WaitTimeoutError(
                f"{target.url} sent no response within {timeout:g} s. The model may still be at work.", goal="response"
            ) from None
        except (ClientError, OSError) as error:
            raise _unreachable(target, error) from None

    async def _target(self, endpoint: Endpoint) -> Target:
        url = endpoint.status.url
        if not url:
            raise errors.UnreachableError(f"Endpoint {endpoint.metadata.name} has no URL yet: see explain().")
        host = urlsplit(url).netloc
        if "://" in self._place:
            return Target(self._place.rstrip("/"), host)
        if await _resolves(urlsplit(url).hostname or ""):
            return Target(url, host)
        return Target(f"{urlsplit(url).scheme}://{await self._address(url)}:{_PORTS[urlsplit(url).scheme]}", host)

    async def _address(self, url: str) -> str:
        namespace, _, name = self._place.partition("/")
        ref = Ref(SERVICE.name, namespace, name)
        request = Request(verb="get", kind=SERVICE, method="GET", path=SERVICE.path(namespace, name))
        advice = f'Pass its address, such as MLOpsClient(gateway="http://127.0.0.1:8080"), or let {url} resolve.'
        try:
            service = read(await self._connection.send(request, ref), _Service)
        except (*UNREADABLE, errors.ClientError) as error:
            raise errors.UnreachableError(f"Cannot find the gateway {self._place}: {error} {advice}") from None
        known = _addresses(service)
        if not known:
            raise errors.UnreachableError(f"The gateway {self._place} has no address. {advice}")
        return f"[{known[0]}]" if ":" in known[0] else known[0]


def _addresses(service: _Service) -> list[str]:
    balanced = [ingress.ip or ingress.hostname for ingress in service.status.load_balancer.ingress]
    internal = [service.spec.cluster_ip] if service.spec.cluster_ip not in ("", "None") else []
    return [*balanced, *service.spec.external_ips, *internal]


async def _resolves(host: str) -> bool:
    try:
        await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return True


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


def _unreachable(target: Target, error: Exception) -> errors.ClientError:
    if isinstance(error, ClientConnectorCertificateError):
        return errors.UnreachableError(f"The certificate of {target.host} is not trusted: {error.certificate_error}.")
    return errors.UnreachableError(
        f"{target.url} does not respond for {target.host} ({error or type(error).__name__}). Is the gateway reachable"
        ' from here? Pass its address: MLOpsClient(gateway="http://HOST:PORT").'
    )
