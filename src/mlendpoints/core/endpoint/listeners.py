"""Where an endpoint's callers come in: host, port and TLS of its Gateway, and how these change without a gap.

A gateway is asked at the door that is asked for, and its routes carry an
entrance in their revision: a proof of them is one of that door, too. Doors
on other ports stay open beside it until then; another selector, or another
credential on the same port, replaces the one before it at once.
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
from mlendpoints.core.world import Door, Settings

_SELECTOR, _HTTP, _HTTPS = {"istio": "ingressgateway"}, 80, 443  # of Istio's own charts
_SERVICE = "istio-ingress/istio-ingressgateway"
_LENGTH = 6


def asked_door(endpoint: Endpoint, settings: Settings) -> Door | None:
    """The door that is asked for; None where TLS has no credential."""
    if not endpoint.spec.tls:
        return Door(settings.http_port)
    credential = credential_name(host_of(endpoint, settings), settings)
    return Door(settings.https_port, credential) if credential else None


def make_entrance(endpoint: Endpoint, settings: Settings) -> str | None:
    """A word that changes with all that a caller needs to come in; None where TLS has no credential.

    Empty where everything is as it is by default, so that a new setting changes nothing that exists.
    """
    door = asked_door(endpoint, settings)
    if door is None:
        return None
    said: dict[str, Any] = {"credential": door.credential} if door.credential else {}
    if door.port != (_HTTPS if door.credential else _HTTP):
        said["port"] = door.port
    if dict(settings.gateway_selector) != _SELECTOR:
        said["selector"] = settings.gateway_selector
    if settings.gateway_service != _SERVICE:  # whose pods are asked
        said["service"] = settings.gateway_service
    if not endpoint.spec.host:  # one that is given never changes
        said["host"] = host_of(endpoint, settings)
    return _digest(said) if said else ""


def _digest(said: dict[str, Any]) -> str:
    canonical = msgspec.json.encode(said, order="sorted")
    return base64.b32encode(hashlib.sha256(canonical).digest()).decode().lower()[:_LENGTH]


def doors_beside(asked: Door, standing: Iterable[Door]) -> tuple[Door, ...]:
    """The asked door, and those that stand and can stay open: one port has one certificate for a host."""
    return (asked, *sorted(door for door in standing if door.port != asked.port))


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


def parse_doors(obj: Manifest) -> tuple[Door, ...]:
    """The doors that a live Gateway of ours opens; none if it is edited beyond recognition."""
    try:
        servers = msgspec.convert(obj, _Gateway).spec.servers
    except msgspec.ValidationError:
        return ()
    return tuple(Door(server.port.number, server.tls.credential_name) for server in servers)
