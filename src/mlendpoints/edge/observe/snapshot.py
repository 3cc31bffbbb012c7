"""A snapshot: the cache, filled once by lists of what concerns one namespace, without a watch.

Hosts are unique in the cluster, so endpoints, VirtualServices and Gateways are
listed wherever the operator watches them; everything else in the namespace only.
Writes nothing.
"""

import asyncio
from collections.abc import Mapping

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.decoding import read
from mlendpoints.edge.kube.errors import NotFoundError, RejectedError
from mlendpoints.edge.kube.kinds import Watch, make_watches
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.observe.projections import Entry, decode
from mlendpoints.edge.settings import Settings

_CLUSTER_WIDE = frozenset({kinds.ENDPOINT.name, kinds.VIRTUAL_SERVICE.name, kinds.GATEWAY.name})
_OF_GATEWAY = frozenset({kinds.GATEWAY_SERVICE.name, kinds.GATEWAY_SLICE.name, kinds.VOLUME.name})
_METADATA = ("name", "namespace", "labels", "annotations", "ownerReferences")
_AT_ONCE = 8  # lists

Listed = list[tuple[Entry, msgspec.Raw]]


class Snapshot(Struct, frozen=True):
    """The cache, and the namespace's objects as they are stored: names, labels, owners and specs."""

    cache: Cache
    manifests: Mapping[Ref, Manifest]


class ForbiddenListsError(Exception):
    """Lists that the user may not make."""

    def __init__(self, watches: tuple[Watch, ...]) -> None:
        super().__init__(", ".join(describe(watch) for watch in watches))


class MissingKindError(Exception):
    """A kind that the operator needs and that is not installed."""


def describe(watch: Watch) -> str:
    """A list as RBAC names it."""
    group = watch.kind.api_version.rpartition("/")[0]
    resource = f"{watch.kind.plural}.{group}" if group else watch.kind.plural
    return f"list {resource} in {f'namespace {watch.namespace}' if watch.namespace else 'all namespaces'}"


async def take_snapshot(api: Api, settings: Settings, namespace: str) -> Snapshot:
    """Lists everything once; raises ``ForbiddenListsError``, ``MissingKindError`` or ``ApiError``."""
    watches, slots = _watches(settings, namespace), asyncio.Semaphore(_AT_ONCE)
    lists = await asyncio.gather(*(_list(api, watch, slots) for watch in watches), return_exceptions=True)
    found = [_listed(result) for result in lists]
    forbidden = [watch for watch, result in zip(watches, lists, strict=True) if isinstance(result, RejectedError)]
    if forbidden:
        raise ForbiddenListsError(tuple(forbidden))
    cache = Cache(settings.core, settings.namespaces)
    cache.installed = frozenset(
        w.kind.name for w, items in zip(watches, found, strict=True) if w.optional and items is not None
    )
    entries = [pair for items in found for pair in items or ()]
    for entry, _ in entries:
        cache.put(entry)
    own = ((entry.ref, raw) for entry, raw in entries if entry.ref.namespace in (namespace, ""))
    return Snapshot(cache, {ref: _manifest(raw) for ref, raw in own})


def _watches(settings: Settings, namespace: str) -> tuple[Watch, ...]:
    watches = make_watches(
        namespaces=settings.namespaces,
        gateway_service=settings.gateway_service,
        volumes=bool(settings.allowed_path_prefixes),
        network_policies=settings.network_policies != "ignore",
    )
    return tuple(dict.fromkeys(_narrowed(watch, namespace) for watch in watches))


def _narrowed(watch: Watch, namespace: str) -> Watch:
    return watch if watch.kind.name in _CLUSTER_WIDE | _OF_GATEWAY else replace(watch, namespace=namespace)


async def _list(api: Api, watch: Watch, slots: asyncio.Semaphore) -> Listed | None:
    """The objects that can be decoded; None if the kind is optional and not installed."""
    try:
        async with slots:
            return [found async for page in api.pages(watch) for raw in page.items for found in _decoded(watch, raw)]
    except NotFoundError as error:
        if watch.optional:
            return None
        raise MissingKindError(f"{watch.kind.name} ({watch.kind.api_version})") from error


def _decoded(watch: Watch, raw: msgspec.Raw) -> Listed:
    try:
        return [(decode(watch.kind.name, raw), raw)]
    except Exception:  # noqa: BLE001 - as in a reflector: no object may hide all others
        return []


def _listed(result: Listed | BaseException | None) -> Listed | None:
    """The result of one list; raises its error, unless that is a missing right."""
    if isinstance(result, RejectedError):
        return None
    if isinstance(result, BaseException):
        raise result
    return result


def _manifest(raw: msgspec.Raw) -> Manifest:
    """Without the status, and without what the API server keeps about an object."""
    whole = read(raw, Manifest)
    metadata = {name: whole["metadata"][name] for name in _METADATA if name in whole["metadata"]}
    return {**{name: part for name, part in whole.items() if name != "status"}, "metadata": metadata}
