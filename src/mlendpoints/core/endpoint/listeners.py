"""Listeners of an endpoint's Gateway: host, port and TLS, and how these change without interruption.

Gateways are probed at the requested listener, and the revision of the routes
contains its hash: a proof of the routes also proves the listener. Listeners on
other ports stay open until then; a new selector, or a new credential on the
same port, replaces the old one at once.
"""

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.meta import Value
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.hosts import host_of
from mlendpoints.core.manifests.gateway import credential_name
from mlendpoints.core.world import Listener, Settings

_SELECTOR, _HTTP, _HTTPS = {"istio": "ingressgateway"}, 80, 443  # of Istio's own charts
_SERVICE = "istio-ingress/istio-ingressgateway"
_LENGTH = 6


def requested_listener(endpoint: Endpoint, settings: Settings) -> Listener | None:
    """The listener that the spec requests; None if TLS has no credential."""
    if not endpoint.spec.tls:
        return Listener(settings.http_port)
    credential = credential_name(host_of(endpoint, settings), settings)
    return Listener(settings.https_port, credential) if credential else None


def hash_listener(endpoint: Endpoint, settings: Settings) -> str | None:
    """A hash that changes with all that a caller needs to connect; None if TLS has no credential.

    Empty if all of it is the default, so that a new setting changes no existing revision.
    """
    listener = requested_listener(endpoint, settings)
    if listener is None:
        return None
    hashed: dict[str, Any] = {"credential": listener.credential} if listener.credential else {}
    if listener.port != (_HTTPS if listener.credential else _HTTP):
        hashed["port"] = listener.port
    if dict(settings.gateway_selector) != _SELECTOR:
        hashed["selector"] = settings.gateway_selector
    if settings.gateway_service != _SERVICE:  # whose pods are probed
        hashed["service"] = settings.gateway_service
    if not endpoint.spec.host:  # a given host never changes
        hashed["host"] = host_of(endpoint, settings)
    return _digest(hashed) if hashed else ""


def _digest(hashed: dict[str, Any]) -> str:
    encoded = msgspec.json.encode(hashed, order="sorted")
    return base64.b32encode(hashlib.sha256(encoded).digest()).decode().lower()[:_LENGTH]


def listeners_beside(requested: Listener, existing: Iterable[Listener]) -> tuple[Listener, ...]:
    """The requested listener, and the existing ones that can stay open: a port has one certificate for a host."""
    return (requested, *sorted(listener for listener in existing if listener.port != requested.port))


class _Port(Value, frozen=True, kw_only=True):
    number: int


class _Tls(Value, frozen=True, kw_only=True):
    credential_name: str = ""


class _Server(Value, frozen=True, kw_only=True):
    port: _Port
    tls: _Tls = _Tls()


class _Spec(Value, frozen=True, kw_only=True):
    servers: tuple[_Server, ...] = ()


class _Gateway(Value, frozen=True, kw_only=True):
    spec: _Spec = _Spec()


def parse_listeners(obj: Manifest) -> tuple[Listener, ...]:
    """The listeners of a live Gateway of ours; none if it was edited beyond recognition."""
    try:
        servers = msgspec.convert(obj, _Gateway).spec.servers
    except msgspec.ValidationError:
        return ()
    return tuple(Listener(server.port.number, server.tls.credential_name) for server in servers)
