"""The routes of an endpoint as a value, and back from a live VirtualService.

``manifests/virtualservice`` writes them; here they are named and read. Reading
returns what the gateways do, not what names promise: a weight changed by hand is
returned as it is. What is not recognized is None, never a guess.
Law: ``parse_routes(make_virtual_service(..., routes)) == routes``.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from mlendpoints.api.labels import INVOKED_VARIANT_HEADER
from mlendpoints.api.meta import Value
from mlendpoints.core.canonical import Manifest, canonical
from mlendpoints.core.world import Destination, Routes

BUILDER = "1"  # revision of the VirtualService's builder; change it if gateways are to answer differently

_ALWAYS = ("variant", "instance", "weight", "vacant")

ROUTE = "route"
PING = "ping/"
UNKNOWN_PATH = "unknown-path"
VARIANT = "variant/"
UNKNOWN_VARIANT = "unknown-variant"
WEIGHTED = "weighted"
IDLE = "idle"


def make_routes(destinations: Iterable[Destination], pings: Iterable[str], listener_hash: str = "") -> Routes:
    """Routes in canonical order, with the revision that gateways are probed for.

    The revision identifies the routes and, unless it is the default, the listener at which they are probed.
    A vacant destination has weight 0: the API allows 0 instances only then.
    """
    ordered, probed = tuple(sorted(destinations)), tuple(sorted(set(pings)))
    revision = _revision(ordered, probed)
    return Routes(
        revision=f"{revision}-{listener_hash}" if listener_hash else revision, pings=probed, destinations=ordered
    )


def _revision(destinations: tuple[Destination, ...], pings: tuple[str, ...]) -> str:
    encoded = msgspec.json.encode([BUILDER, [_hashed(d) for d in destinations], pings], order="sorted")
    return base64.b32encode(hashlib.sha256(encoded).digest()).decode().lower()[:12]


def _hashed(destination: Destination) -> dict[str, Any]:
    """The fields of the first revisions, and of later fields only those that differ from their defaults."""
    return {name: getattr(destination, name) for name in _ALWAYS} | canonical(destination)


def listener_hash_in(revision: str) -> str:
    """The listener hash in a revision."""
    return revision.partition("-")[2]


def route_names(routes: Routes) -> list[str]:
    """Names of the HTTP routes, in order."""
    variants = [VARIANT + variant_rule(destination) for destination in routes.destinations]
    return [
        ROUTE,
        *(PING + instance for instance in routes.pings),
        UNKNOWN_PATH,
        *variants,
        *([UNKNOWN_VARIANT] if variants else []),
        WEIGHTED if any(destination.weight for destination in routes.destinations) else IDLE,
    ]


def variant_rule(destination: Destination) -> str:
    """The part of a route's name that identifies a destination: variant and instance."""
    return f"{destination.variant}/{destination.instance}"


class _Body(Value, frozen=True, kw_only=True):
    string: str


class _DirectResponse(Value, frozen=True, kw_only=True):
    body: _Body


class _Service(Value, frozen=True, kw_only=True):
    host: str


class _Response(Value, frozen=True, kw_only=True):
    set: Mapping[str, str] = {}


class _Headers(Value, frozen=True, kw_only=True):
    response: _Response = _Response()


class _RouteDestination(Value, frozen=True, kw_only=True):
    destination: _Service
    weight: int = 0
    headers: _Headers = _Headers()

    @property
    def variant(self) -> str:
        return self.headers.response.set[INVOKED_VARIANT_HEADER]


class _HttpRoute(Value, frozen=True, kw_only=True):
    name: str
    route: tuple[_RouteDestination, ...] = ()
    direct_response: _DirectResponse | None = None


class _Spec(Value, frozen=True, kw_only=True):
    http: tuple[_HttpRoute, ...]


class _VirtualService(Value, frozen=True, kw_only=True):
    spec: _Spec


def parse_routes(obj: Manifest) -> Routes | None:
    """The routes of a live VirtualService of ours; None if it was edited beyond recognition."""
    try:
        rules = msgspec.convert(obj, _VirtualService).spec.http
        routes = _read(rules)
    except (msgspec.ValidationError, KeyError, StopIteration, ValueError):
        return None
    return routes if [rule.name for rule in rules] == route_names(routes) else None


def _read(rules: tuple[_HttpRoute, ...]) -> Routes:
    weights = {(t.variant, t.destination.host): t.weight for rule in rules if rule.name == WEIGHTED for t in rule.route}
    destinations = tuple(_destination(rule, weights) for rule in rules if rule.name.startswith(VARIANT))
    if weights:
        raise ValueError("the weighted route names a destination that no variant's route names")
    return Routes(
        revision=_only(rules, ROUTE),
        pings=tuple(_host(rule) for rule in rules if rule.name.startswith(PING)),
        destinations=destinations,
    )


def _only(rules: tuple[_HttpRoute, ...], name: str) -> str:
    rule = next(rule for rule in rules if rule.name == name)
    if rule.direct_response is None:
        raise ValueError(f"rule {name} answers nothing")
    return rule.direct_response.body.string


def _host(rule: _HttpRoute) -> str:
    (target,) = rule.route
    return target.destination.host


def _destination(rule: _HttpRoute, weights: dict[tuple[str, str], int]) -> Destination:
    """The destination of a variant's route; takes its weight out of ``weights``."""
    variant, instance = rule.name.removeprefix(VARIANT).split("/")
    if rule.direct_response is None:
        instance = _host(rule)
    return Destination(
        variant=variant,
        instance=instance,
        weight=weights.pop((variant, instance), 0),
        vacant=rule.direct_response is not None,
    )
