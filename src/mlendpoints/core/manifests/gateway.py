"""The Istio Gateway of an endpoint: opens its host, for routes of its own namespace only."""

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.core.hosts import covers, host_of
from mlendpoints.core.manifests import Manifest
from mlendpoints.core.manifests.metadata import endpoint_labels, make_metadata
from mlendpoints.core.world import Settings


def make_gateway(endpoint: Endpoint, settings: Settings) -> Manifest:
    """One server for the host, on the gateway pods that the settings select.

    Raises:
        ValueError: not ``can_open``.
    """
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": make_metadata(endpoint.metadata.name, endpoint, object_labels=endpoint_labels(endpoint)),
        "spec": {
            "selector": dict(settings.gateway_selector),
            "servers": [_https_server(endpoint, settings) if endpoint.spec.tls else _http_server(endpoint, settings)],
        },
    }


def can_open(endpoint: Endpoint, settings: Settings) -> bool:
    """Whether there is what the server needs. Without a TLS credential, a Gateway that stands is left as it is."""
    return not endpoint.spec.tls or credential_name(host_of(endpoint, settings), settings) is not None


def credential_name(host: str, settings: Settings) -> str | None:
    """Name of the TLS credential of the longest host suffix that covers the host."""
    suffixes = [suffix for suffix in settings.tls_credentials if covers(suffix.removeprefix("."), host)]
    return settings.tls_credentials[max(suffixes, key=len)] if suffixes else None


def _http_server(endpoint: Endpoint, settings: Settings) -> Manifest:
    return {
        "hosts": [f"./{host_of(endpoint, settings)}"],
        "port": {"name": "http", "number": settings.http_port, "protocol": "HTTP"},
    }


def _https_server(endpoint: Endpoint, settings: Settings) -> Manifest:
    host = host_of(endpoint, settings)
    credential = credential_name(host, settings)
    if credential is None:
        raise ValueError(f"no TLS credential covers {host}")
    return {
        "hosts": [f"./{host}"],
        "port": {"name": "https", "number": settings.https_port, "protocol": "HTTPS"},
        "tls": {"mode": "SIMPLE", "credentialName": credential},
    }
