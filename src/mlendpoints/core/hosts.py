"""Whose a host is: which host an endpoint has, whether its namespace may use it, and who comes first.

An endpoint *has* a host from the moment its status records it, which only the
operator can write. Others wait; ``status.waitsForHost`` marks them. When the
endpoint that has it goes, the host is free. One created then takes it at once,
such as the same endpoint re-created; one that waited takes it after a grace
period, counted from ``status.hostFreeSince``.
"""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api.endpoint import Endpoint, EndpointStatus
from mlendpoints.api.reasons import Reason
from mlendpoints.core.findings import Finding
from mlendpoints.core.times import precise_timestamp, seconds
from mlendpoints.core.world import Ref, Settings, World

Precedence = tuple[int, str, str, str]
_ANY = "*"
_TOLD = 8  # suffixes in a message


def host_of(endpoint: Endpoint, settings: Settings) -> str:
    """The endpoint's host: as asked, else as recorded, else the default; empty where there is no domain to make one."""
    return endpoint.spec.host or _recorded(endpoint) or _default(endpoint, settings)


def _recorded(endpoint: Endpoint) -> str:
    """A default that was recorded, whatever the domain was; anything else in its place counts for nothing."""
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
    suffixes = [suffix for suffix in _suffixes(namespace, settings) if suffix == _ANY or covers(suffix, host)]
    return max((suffix.removeprefix(_ANY) for suffix in suffixes), key=len, default=None)


def covers(suffix: str, host: str) -> bool:
    """Whether the host is the suffix or lies below it."""
    return f".{host}".endswith(f".{suffix}")


def _reserved_for(host: str, domain: str) -> str:
    """The namespace to which the cluster's domain gives the host; empty if to none."""
    below = host.removesuffix(f".{domain}") if domain else host
    return "" if below == host else below.rpartition(".")[2]


def _suffixes(namespace: str, settings: Settings) -> tuple[str, ...]:
    mine = (g for g in settings.gateway_hosts if _ANY in g.namespaces or namespace in g.namespaces)
    return tuple(suffix for grant in mine for suffix in grant.suffixes)


def holds(endpoint: Endpoint) -> bool:
    """Whether it has its host. A version that was rolled out before hosts were recorded tells it, too."""
    return bool(endpoint.status.host or endpoint.status.config_version)


def precedence(endpoint: Endpoint, settings: Settings) -> Precedence | None:
    """By which endpoints of one host are ordered: who has it, who is new, who waited; each the oldest first.

    None: it cannot get the host.
    """
    metadata = endpoint.metadata
    age = (metadata.creation_timestamp, metadata.namespace, metadata.name)
    if holds(endpoint):
        return (0, *age)
    if metadata.deletion_timestamp or granted(endpoint, settings) is None:
        return None
    return (2 if endpoint.status.waits_for_host else 1, *age)


class HostRecord(Struct, frozen=True, kw_only=True):
    """What the status says of the host."""

    host: str = ""
    waits: bool = False
    free_since: str | None = None

    def on(self, status: EndpointStatus) -> EndpointStatus:
        """The status with it."""
        return replace(status, host=self.host, waits_for_host=self.waits, host_free_since=self.free_since)


def host_record(world: World) -> HostRecord:
    """What to record: the host once the endpoint has it, else that it waits for it, and since when it is free."""
    status = world.endpoint.status
    if host_hindrance(world) is None or holds(world.endpoint):
        return HostRecord(host=host_of(world.endpoint, world.settings))
    if world.host_owner is not None:
        return HostRecord(waits=True)
    since = status.host_free_since or precise_timestamp(world.now)
    return HostRecord(waits=status.waits_for_host, free_since=since if status.waits_for_host else None)


def host_due(world: World) -> float | None:
    """When an endpoint that waits takes its free host, seconds since the epoch; None if it does not wait for that."""
    status = world.endpoint.status
    if not status.waits_for_host or world.host_owner is not None or holds(world.endpoint):
        return None
    since = seconds(status.host_free_since) if status.host_free_since else world.now
    return since + world.settings.host_grace_seconds


def host_hindrance(world: World) -> Finding | None:
    """The first thing that keeps the endpoint from its host."""
    return next((finding for hindrance in _CHAIN if (finding := hindrance(world))), None)


def _is_missing(world: World) -> Finding | None:
    if host_of(world.endpoint, world.settings):
        return None
    return Finding.no(
        Reason.INVALID_SPEC,
        "spec.host is missing, and the operator has no domain to make a default from. Re-create the endpoint with"
        " spec.host, or ask the administrator to set gateway.domain.",
    )


def _is_not_allowed(world: World) -> Finding | None:
    endpoint, settings = world.endpoint, world.settings
    if granted(endpoint, settings) is not None:
        return None
    namespace = endpoint.metadata.namespace
    return Finding.no(
        Reason.HOST_NOT_ALLOWED,
        f"Host {endpoint.spec.host} is not allowed in namespace {namespace}. Allowed there, with all hosts below:"
        f" {_allowed(namespace, settings)}. Re-create the endpoint with such a host, or ask the administrator to allow"
        " this one in gateway.hosts.",
    )


def _allowed(namespace: str, settings: Settings) -> str:
    own = (f"{namespace}.{settings.gateway_domain}",) if settings.gateway_domain else ()
    others = _suffixes(namespace, settings)
    if _ANY in others:
        others = (f"any that is not in another namespace's part of {settings.gateway_domain}",)
    told = (*own, *others)
    return ", ".join((*told[:_TOLD], *(("...",) if len(told) > _TOLD else ()))) or "none"


def _is_taken(world: World) -> Finding | None:
    owner, mine = world.host_owner, world.endpoint.metadata.namespace
    if owner is None:
        return None
    if owner.namespace == mine:
        whose, advice = f"the endpoint {owner.name}", "Delete that one, or re-create this endpoint with another host."
    else:
        whose, advice = "an endpoint in another namespace", "Re-create this endpoint with another host."
    return Finding.no(
        Reason.HOST_CONFLICT,
        f"Host {host_of(world.endpoint, world.settings)} belongs to {whose}, which had it first. {advice}",
    )


def _is_kept_free(world: World) -> Finding | None:
    due = host_due(world)
    if due is None or world.now >= due:
        return None
    return Finding.wait(
        Reason.HOST_CONFLICT,
        f"Host {host_of(world.endpoint, world.settings)} is free, but kept for the return of the endpoint that had it;"
        f" this endpoint takes it after {precise_timestamp(due)}.",
    )


def _is_routed_by_others(world: World) -> Finding | None:
    if not world.foreign_routes:
        return None
    other = world.foreign_routes[0]
    return Finding.no(
        Reason.HOST_CONFLICT,
        f"Host {host_of(world.endpoint, world.settings)} is also named, or covered by a wildcard, by"
        f" {_named(other, world.endpoint.metadata.namespace)} on the same gateway pods, which is not this endpoint's:"
        " they would take each other's requests. Take the host out of it, or re-create this endpoint with another one.",
    )


def _named(other: Ref, namespace: str) -> str:
    if other.namespace == namespace:
        return f"the {other.kind} {other.name}"
    return f"a {other.kind} in another namespace"


_CHAIN: tuple[Callable[[World], Finding | None], ...] = (
    _is_missing,
    _is_not_allowed,
    _is_taken,
    _is_kept_free,
    _is_routed_by_others,
)
