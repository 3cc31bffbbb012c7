"""Hosts: which host an endpoint requests, whether its namespace may use it, and who comes first.

An endpoint *has* a host from the moment its status records it, which only the
operator can write. Others wait; ``status.waitsForHost`` marks them. When the
endpoint that has it is deleted, the host is free. One created then takes it at once,
such as the same endpoint re-created; one that waited takes it after a grace
period, counted from ``status.hostFreeSince``.
"""

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.core.world import Settings

Precedence = tuple[int, str, str, str]
ANY = "*"


def host_of(endpoint: Endpoint, settings: Settings) -> str:
    """The endpoint's host: as requested, else as recorded, else the default; empty if there is no default domain."""
    return endpoint.spec.host or _recorded(endpoint) or _default(endpoint, settings)


def _recorded(endpoint: Endpoint) -> str:
    """The recorded default host, of any domain; other values are ignored."""
    host, metadata = endpoint.status.host, endpoint.metadata
    return host if host.startswith(f"{metadata.name}.{metadata.namespace}.") else ""


def _default(endpoint: Endpoint, settings: Settings) -> str:
    metadata, domain = endpoint.metadata, settings.gateway_domain
    return f"{metadata.name}.{metadata.namespace}.{domain}" if domain else ""


def granted(endpoint: Endpoint, settings: Settings) -> str | None:
    """The suffix by which the endpoint may use its host: empty where any host is allowed, None where it may not."""
    host, namespace = host_of(endpoint, settings), endpoint.metadata.namespace
    if not endpoint.spec.host:
        return host.partition(".")[2] or None
    reserved = _reserved_for(host, settings.gateway_domain)
    if reserved:
        return f"{namespace}.{settings.gateway_domain}" if reserved == namespace else None
    suffixes = [suffix for suffix in suffixes_of(namespace, settings) if suffix == ANY or covers(suffix, host)]
    return max((suffix.removeprefix(ANY) for suffix in suffixes), key=len, default=None)


def covers(suffix: str, host: str) -> bool:
    """Whether the host is the suffix or lies below it."""
    return f".{host}".endswith(f".{suffix}")


def _reserved_for(host: str, domain: str) -> str:
    """The namespace to which the cluster's domain gives the host; empty if to none."""
    below = host.removesuffix(f".{domain}") if domain else host
    return "" if below == host else below.rpartition(".")[2]


def suffixes_of(namespace: str, settings: Settings) -> tuple[str, ...]:
    """The suffixes below which a namespace may use hosts, apart from its part of the domain."""
    mine = (g for g in settings.gateway_hosts if ANY in g.namespaces or namespace in g.namespaces)
    return tuple(suffix for grant in mine for suffix in grant.suffixes)


def has_host(endpoint: Endpoint) -> bool:
    """Whether it has its host. A rolled-out version proves it as well: earlier releases recorded no hosts."""
    return bool(endpoint.status.host or endpoint.status.config_version)


def precedence(endpoint: Endpoint, settings: Settings) -> Precedence | None:
    """By which endpoints of one host are ordered: who has it, who is new, who waited; each the oldest first.

    None: it cannot get the host.
    """
    metadata = endpoint.metadata
    age = (metadata.creation_timestamp, metadata.namespace, metadata.name)
    if has_host(endpoint):
        return (0, *age)
    if metadata.deletion_timestamp or granted(endpoint, settings) is None:
        return None
    return (2 if endpoint.status.waits_for_host else 1, *age)
