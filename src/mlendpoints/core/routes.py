"""The routes of an endpoint as a value, and back from a live VirtualService.

``manifests/virtualservice`` writes them; here they are named and read. What is
read is what the gateways do, not what the names promise: a weight changed by
hand comes back as it is. What is not recognised comes back as None, never as a
guess. Law: ``parse_routes(make_virtual_service(..., routes)) == routes``.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from mlendpoints.api.labels import INVOKED_VARIANT_HEADER
from mlendpoints.api.meta import Value
from mlendpoints.core.canonical import Manifest, sparse
from mlendpoints.core.world import Destination, Routes

BUILDER = "1"  # revision of the VirtualService's builder; change it with what gateways answer

_ALWAYS = ("variant", "instance", "weight", "vacant")

ROUTE = "route"
PING = "ping/"
UNKNOWN_PATH = "unknown-path"
VARIANT = "variant/"
UNKNOWN_VARIANT = "unknown-variant"
WEIGHTED = "weighted"
IDLE = "idle"


def make_routes(destinations: Iterable[Destination], pings: Iterable[str], entrance: str = "") -> Routes:
    """Routes in canonical order, with the revision by which gateways are asked for them.

    The revision names the routes and, if there is anything to say of it, the entrance at which they are asked for.
    A vacant destination has weight 0: the API allows no instances only then.
    """
    ordered, asked = tuple(sorted(destinations)), tuple(sorted(set(pings)))
    revision = _revision(ordered, asked)
    return Routes(revision=f"{revision}-{entrance}" if entrance else revision, pings=asked, destinations=ordered)


def _revision(destinations: tuple[Destination, ...], pings: tuple[str, ...]) -> str:
    canonical = msgspec.json.encode([BUILDER, [_said(d) for d in destinations], pings], order="sorted")
    return base64.b32encode(hashlib.sha256(canonical).digest()).decode().lower()[:12]


def _said(destination: Destination) -> dict[str, Any]:
    """What the first revisions were made of, and of later fields only those that say something."""
    return {name: getattr(destination, name) for name in _ALWAYS} | sparse(destination)


def entrance_in(revision: str) -> str:
    """The entrance that a revision names."""
    return revision.partition("-")[2]


def rule_names(routes: Routes) -> list[str]:
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
    """A destination in a rule's name: the variant, and the instance where there is nothing to route to."""
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


class _Target(Value, frozen=True, kw_only=True):
    destination: _Service
    weight: int = 0
    headers: _Headers = _Headers()

    @property
    def variant(self) -> str:
        return self.headers.response.set[INVOKED_VARIANT_HEADER]


class _Rule(Value, frozen=True, kw_only=True):
    name: str
    route: tuple[_Target, ...] = ()
    direct_response: _DirectResponse | None = None


class _Spec(Value, frozen=True, kw_only=True):
    http: tuple[_Rule, ...]


class _VirtualService(Value, frozen=True, kw_only=True):
    spec: _Spec


def parse_routes(obj: Manifest) -> Routes | None:
    """The routes that a live VirtualService of ours says; None if it is edited beyond recognition."""
    try:
        rules = msgspec.convert(obj, _VirtualService).spec.http
        routes = _read(rules)
    except (msgspec.ValidationError, KeyError, StopIteration, ValueError):
        return None
    return routes if [rule.name for rule in rules] == rule_names(routes) else None


def _read(rules: tuple[_Rule, ...]) -> Routes:
    weights = {(t.variant, t.destination.host): t.weight for rule in rules if rule.name == WEIGHTED for t in rule.route}
    destinations = tuple(_destination(rule, weights) for rule in rules if rule.name.startswith(VARIANT))
    if weights:
        raise ValueError("the weighted route names a destination that no variant's route names")
    return Routes(
        revision=_only(rules, ROUTE),
        pings=tuple(_host(rule) for rule in rules if rule.name.startswith(PING)),
        destinations=destinations,
    )


def _only(rules: tuple[_Rule, ...], name: str) -> str:
    rule = next(rule for rule in rules if rule.name == name)
    if rule.direct_response is None:
        raise ValueError(f"rule {name} answers nothing")
    return rule.direct_response.body.string


def _host(rule: _Rule) -> str:
    (target,) = rule.route
    return target.destination.host


def _destination(rule: _Rule, weights: dict[tuple[str, str], int]) -> Destination:
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
