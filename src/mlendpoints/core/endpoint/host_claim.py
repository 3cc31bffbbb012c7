"""Host claims: whether an endpoint gets its host, why not, and what its status records."""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api.endpoint import EndpointStatus
from mlendpoints.api.reasons import Reason
from mlendpoints.core.findings import Finding
from mlendpoints.core.hosts import ANY, granted, has_host, host_of, suffixes_of
from mlendpoints.core.times import precise_timestamp, seconds
from mlendpoints.core.world import Ref, Settings, World

_SHOWN = 8  # suffixes in a message


class HostRecord(Struct, frozen=True, kw_only=True):
    """The fields of the status about the host."""

    host: str = ""
    waits: bool = False
    free_since: str | None = None

    def on(self, status: EndpointStatus) -> EndpointStatus:
        """The status with these fields."""
        return replace(status, host=self.host, waits_for_host=self.waits, host_free_since=self.free_since)


def host_record(world: World) -> HostRecord:
    """What to record: the host once the endpoint has it, else that it is waiting, and since when the host is free."""
    status = world.endpoint.status
    if check_host(world) is None or (has_host(world.endpoint) and not _lost(world)):
        return HostRecord(host=host_of(world.endpoint, world.settings))
    if granted(world.endpoint, world.settings) is None:
        return HostRecord(waits=status.waits_for_host)
    if world.host_owner is not None:
        return HostRecord(waits=True)
    since = status.host_free_since or precise_timestamp(world.now)
    return HostRecord(waits=status.waits_for_host, free_since=since if status.waits_for_host else None)


def _lost(world: World) -> bool:
    """Whether two operators assigned the host at once, and this endpoint comes second and has no routes yet."""
    metadata = world.endpoint.metadata
    routes = Ref("VirtualService", metadata.namespace, metadata.name)
    return world.host_owner is not None and not world.endpoint.status.config_version and routes not in world.children


def host_due(world: World) -> float | None:
    """When a waiting endpoint takes its free host, seconds since the epoch; None if it is not waiting for that."""
    status = world.endpoint.status
    if not status.waits_for_host or world.host_owner is not None or has_host(world.endpoint):
        return None
    since = seconds(status.host_free_since) if status.host_free_since else world.now
    return since + world.settings.host_grace_seconds


def check_host(world: World) -> Finding | None:
    """The first obstacle to getting the host."""
    return next((finding for check in _CHAIN if (finding := check(world))), None)


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
    others = suffixes_of(namespace, settings)
    if ANY in others:
        others = (f"any that is not in another namespace's part of {settings.gateway_domain}",)
    suffixes = (*own, *others)
    return ", ".join((*suffixes[:_SHOWN], *(("...",) if len(suffixes) > _SHOWN else ()))) or "none"


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
        f"Host {host_of(world.endpoint, world.settings)} belongs to {whose}, which claimed it first. {advice}",
    )


def _is_kept_free(world: World) -> Finding | None:
    due = host_due(world)
    if due is None or world.now >= due:
        return None
    return Finding.wait(
        Reason.HOST_CONFLICT,
        f"Host {host_of(world.endpoint, world.settings)} is free, but reserved in case the endpoint that had it is"
        f" re-created; this endpoint takes it after {precise_timestamp(due)}.",
    )


def _is_routed_by_others(world: World) -> Finding | None:
    if not world.foreign_routes:
        return None
    other = world.foreign_routes[0]
    return Finding.no(
        Reason.HOST_CONFLICT,
        f"Host {host_of(world.endpoint, world.settings)} is also named, or covered by a wildcard, by"
        f" {_named(other, world.endpoint.metadata.namespace)} on the same gateway pods, which is not this endpoint's:"
        " they would receive each other's requests. Remove the host from it, or re-create this endpoint with another"
        " host.",
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
