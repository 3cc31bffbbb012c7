"""The Istio Gateway of an endpoint: opens its host, for routes of its own namespace only."""

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.hosts import covers, host_of
from mlendpoints.core.manifests.metadata import endpoint_labels, make_metadata
from mlendpoints.core.world import Listener, Settings


def make_gateway(endpoint: Endpoint, settings: Settings, listeners: tuple[Listener, ...]) -> Manifest:
    """A server for the host at each listener, on the gateway pods of the settings; the first is the requested one."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": make_metadata(endpoint.metadata.name, endpoint, object_labels=endpoint_labels(endpoint)),
        "spec": {
            "selector": dict(settings.gateway_selector),
            "servers": [
                _server(host_of(endpoint, settings), listener, name)
                for listener, name in zip(listeners, _names(listeners), strict=True)
            ],
        },
    }


def credential_name(host: str, settings: Settings) -> str | None:
    """Name of the TLS credential of the longest host suffix that covers the host."""
    suffixes = [suffix for suffix in settings.tls_credentials if covers(suffix.removeprefix("."), host)]
    return settings.tls_credentials[max(suffixes, key=len)] if suffixes else None


def _names(listeners: tuple[Listener, ...]) -> list[str]:
    """Names of the ports, which must differ."""
    names: list[str] = []
    for listener in listeners:
        name = "https" if listener.credential else "http"
        names.append(f"{name}-{listener.port}" if name in names else name)
    return names


def _server(host: str, listener: Listener, name: str) -> Manifest:
    server = {
        "hosts": [f"./{host}"],
        "port": {"name": name, "number": listener.port, "protocol": "HTTPS" if listener.credential else "HTTP"},
    }
    return (
        server | {"tls": {"mode": "SIMPLE", "credentialName": listener.credential}} if listener.credential else server
    )
