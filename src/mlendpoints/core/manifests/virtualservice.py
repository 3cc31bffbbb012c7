"""The one VirtualService of an endpoint: its routes, in the order in which Envoy tries them.

1. Proof: the route revision; a ping to each instance; nothing else below that
   prefix, so that a gateway with older routes never sends a ping to a model.
2. A variant forced by header; a header that names no variant.
3. The weighted route.
"""

import json
from collections.abc import Mapping

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.labels import (
    INVOKED_VARIANT_HEADER,
    PING_PATH,
    RETRIABLE_HEADER,
    ROUTE_PATH,
    TARGET_VARIANT_HEADER,
)
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.hosts import host_of
from mlendpoints.core.manifests.metadata import endpoint_labels, make_metadata
from mlendpoints.core.manifests.service import PORT
from mlendpoints.core.routes import (
    IDLE,
    PING,
    ROUTE,
    UNKNOWN_PATH,
    UNKNOWN_VARIANT,
    VARIANT,
    WEIGHTED,
    variant_rule,
)
from mlendpoints.core.world import Destination, Routes, Settings

MESH = "mesh"  # by this name alone, Istio means the sidecars of the whole cluster
INVOCATION_SECONDS = 60  # SageMaker's longest invocation, and the read timeout of a pod's proxy
PING_TIMEOUT = "2s"
_HEADER = TARGET_VARIANT_HEADER.lower()  # Istio matches headers by lower-case name
_RESERVED = ROUTE_PATH.removesuffix("route")


def make_virtual_service(
    endpoint: Endpoint, routes: Routes, *, ping_paths: Mapping[str, str], settings: Settings
) -> Manifest:
    """The routes, bound to the endpoint's Gateway; ``ping_paths``: where each instance's pods answer a ping."""
    name = endpoint.metadata.name
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": make_metadata(name, endpoint, object_labels=endpoint_labels(endpoint)),
        "spec": {
            "hosts": [host_of(endpoint, settings)],
            "gateways": [_gateway(endpoint)],
            "http": [
                _route(routes.revision),
                *(_ping(instance, ping_paths[instance]) for instance in routes.pings),
                _unknown_path(),
                *_forced_variants(routes.destinations, settings),
                _weighted(routes.destinations, settings),
            ],
        },
    }


def _gateway(endpoint: Endpoint) -> str:
    """The endpoint's own Gateway; with its namespace only where the name has another meaning alone.

    With it always, an upgrade would write the routes of every endpoint again.
    """
    name = endpoint.metadata.name
    return f"{endpoint.metadata.namespace}/{name}" if name == MESH else name


def _route(revision: str) -> Manifest:
    return {
        "name": ROUTE,
        "match": [{"uri": {"exact": ROUTE_PATH}}],
        "directResponse": {"status": 200, "body": {"string": revision}},
    }


def _ping(instance: str, path: str) -> Manifest:
    return {
        "name": PING + instance,
        "match": [{"uri": {"exact": PING_PATH + instance}}],
        "rewrite": {"uri": path},
        "route": [{"destination": _service(instance)}],
        "timeout": PING_TIMEOUT,
        "retries": {"attempts": 0},
    }


def _unknown_path() -> Manifest:
    return {"name": UNKNOWN_PATH, "match": [{"uri": {"prefix": _RESERVED}}]} | _error_response(
        404, "there is nothing here"
    )


def _forced_variants(destinations: tuple[Destination, ...], settings: Settings) -> list[Manifest]:
    if not destinations:
        return []
    known = ", ".join(destination.variant for destination in destinations)
    unknown = {"name": UNKNOWN_VARIANT, "match": [{"headers": {_HEADER: {}}}]}
    return [
        *(_forced(destination, settings) for destination in destinations),
        unknown | _error_response(400, f"{TARGET_VARIANT_HEADER} must be one of: {known}"),
    ]


def _forced(destination: Destination, settings: Settings) -> Manifest:
    rule = {
        "name": VARIANT + variant_rule(destination),
        "match": [{"headers": {_HEADER: {"exact": destination.variant}}}],
    }
    if destination.vacant:
        return rule | _error_response(503, f"variant {destination.variant} has no instances")
    return rule | {"route": [_route_destination(destination)]} | _invocation(settings)


def _weighted(destinations: tuple[Destination, ...], settings: Settings) -> Manifest:
    targets = [
        _route_destination(destination) | {"weight": destination.weight}
        for destination in destinations
        if destination.weight
    ]
    if not targets:
        return {"name": IDLE} | _error_response(503, "the endpoint is not in service yet")
    return {"name": WEIGHTED, "route": targets} | _invocation(settings)


def _route_destination(destination: Destination) -> Manifest:
    return {
        "destination": _service(destination.instance),
        "headers": {"response": {"set": {INVOKED_VARIANT_HEADER: destination.variant}}},
    }


def _service(instance: str) -> Manifest:
    return {"host": instance, "port": {"number": PORT}}


def _invocation(settings: Settings) -> Manifest:
    """No timeout, Istio's default: the pod's proxy has a read timeout, and a second one would race it.

    Retries only where no model has seen the request: an invocation may have effects. Gateways remove the header that
    names the header of such answers, before they ask a pod.
    """
    if not settings.retry_attempts:
        return {"retries": {"attempts": 0}}
    return {
        "retries": {
            "attempts": settings.retry_attempts,
            "retryOn": "connect-failure,refused-stream,retriable-headers",
        },
        "headers": {"request": {"set": {"x-envoy-retriable-header-names": RETRIABLE_HEADER}}},
    }


def _error_response(status: int, reason: str) -> Manifest:
    return {
        "directResponse": {"status": status, "body": {"string": json.dumps({"error": reason}) + "\n"}},
        "headers": {"response": {"set": {"content-type": "application/json"}}},
    }
