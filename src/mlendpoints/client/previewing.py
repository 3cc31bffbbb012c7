"""What an apply of edited or new objects would lead to, to the end, and whether there is room for it."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api.meta import ObjectMeta
from mlendpoints.client.connection import Connection
from mlendpoints.client.edits import field_changes
from mlendpoints.client.errors import ForbiddenError, InvalidError
from mlendpoints.client.handlers import Handlers, live_of, worlds_of
from mlendpoints.client.installed import find_operator
from mlendpoints.client.objects import AnyObject, ref_of
from mlendpoints.client.plans import Preview, make_plan
from mlendpoints.core.capacity import Quota, needs, total
from mlendpoints.core.course import Course, Stage, usage_of
from mlendpoints.core.endpoint import preview as endpoints
from mlendpoints.core.mlmodel import preview as mlmodels
from mlendpoints.core.times import timestamp
from mlendpoints.core.world import MLModelWorld, Ref, World
from mlendpoints.core.written import new_uid
from mlendpoints.edge.kube.decoding import read
from mlendpoints.edge.kube.kinds import ROOTS, Kind, Watch
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.observe.projections import Entry

_QUOTAS = Kind(name="ResourceQuota", api_version="v1", plural="resourcequotas")


class _Status(Struct, frozen=True):
    hard: dict[str, str] = {}
    used: dict[str, str] = {}


class _Spec(Struct, frozen=True, rename="camel"):
    scopes: tuple[str, ...] = ()
    scope_selector: dict[str, Any] | None = None


class _Metadata(Struct, frozen=True):
    name: str


class _Quota(Struct, frozen=True):
    metadata: _Metadata
    spec: _Spec = _Spec()
    status: _Status = _Status()


async def preview(connection: Connection, objects: Sequence[AnyObject]) -> Preview:
    """Of objects of one namespace; raises a ``ClientError``. Reads only, by lists."""
    placed = [_placed(obj, connection.namespace) for obj in objects]
    namespaces = sorted({obj.metadata.namespace for obj in placed})
    if len(namespaces) != 1:
        raise InvalidError(f"Preview objects of one namespace at a time, not of {', '.join(namespaces) or 'none'}.")
    installed = await find_operator(connection, namespaces[0])
    snapshot = await Handlers(connection).snapshot(installed, Ref(placed[0].KIND, namespaces[0], ""))
    quotas = await _quotas(connection, namespaces[0])
    edits = [_edited(snapshot.cache, obj) for obj in placed]
    for _, after in edits:
        snapshot.cache.put(Entry(ref_of(after), after.metadata.uid, after))
    roots = _affected(snapshot.cache, [ref_of(after) for _, after in edits])
    worlds = worlds_of(snapshot, installed, roots)
    courses = tuple(_course(world, Stage(world, live_of(world, snapshot))) for world in worlds.values())
    now = total(usage_of(course.start) for course in courses)
    return Preview(
        create=tuple(ref_of(after) for before, after in edits if before is None),
        change=tuple(
            change for before, after in edits if before is not None for change in field_changes(before, after)
        ),
        plan=make_plan(courses),
        needs=needs(now, courses, quotas or ()),
        quotas_are_known=quotas is not None,
    )


def _course(world: World | MLModelWorld, stage: Stage[Any]) -> Course[Any]:
    if isinstance(world, World):
        return endpoints.preview(world, stage.manifests)
    return mlmodels.preview(world, stage.manifests)


def _placed(obj: AnyObject, namespace: str) -> AnyObject:
    metadata = replace(obj.metadata, namespace=obj.metadata.namespace or namespace)
    return replace(obj, metadata=metadata)


def _edited(cache: Cache, obj: AnyObject) -> tuple[AnyObject | None, AnyObject]:
    """The stored object and the one that an apply makes of it; None if it is new."""
    entry = cache.entry(ref_of(obj))
    before = entry.facts if entry is not None and isinstance(entry.facts, AnyObject) else None
    if before is None:
        metadata = _new(obj.metadata, ref_of(obj))
        return None, replace(obj, metadata=metadata, status=type(obj.status)())
    generation = before.metadata.generation + (before.spec != obj.spec)
    metadata = replace(before.metadata, generation=generation)
    return before, replace(obj, metadata=metadata, status=before.status)


def _new(metadata: ObjectMeta, ref: Ref) -> ObjectMeta:
    now = timestamp(time.time())
    return replace(
        metadata, uid=new_uid(ref), generation=1, resource_version="0", creation_timestamp=now, finalizers=()
    )


def _affected(cache: Cache, refs: Iterable[Ref]) -> tuple[Ref, ...]:
    found = (root for ref in refs for root in ((ref,) if ref.kind in ROOTS else cache.users(ref)))
    return tuple(dict.fromkeys(found))


async def _quotas(connection: Connection, namespace: str) -> tuple[Quota, ...] | None:
    """Those that count for all pods; None if the user may not list them."""
    watch = Watch(kind=_QUOTAS, namespace=namespace)
    try:
        pages = connection.pages(watch, Ref(_QUOTAS.name, namespace, ""))
        found = [read(item, _Quota) async for page in pages for item in page.items]
    except ForbiddenError:
        return None
    general = (quota for quota in found if not quota.spec.scopes and quota.spec.scope_selector is None)
    return tuple(Quota(name=q.metadata.name, hard=q.status.hard, used=q.status.used) for q in general)
