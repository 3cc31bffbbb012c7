"""What an apply of edited or new objects would lead to, to the end, and whether there is room for it."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from mlendpoints.api.meta import ObjectMeta
from mlendpoints.client.connection import Connection
from mlendpoints.client.documents import applied, make_object, with_metadata
from mlendpoints.client.edits import field_changes
from mlendpoints.client.errors import InvalidError
from mlendpoints.client.handlers import Handlers, live_of, worlds_of
from mlendpoints.client.installed import find_operator
from mlendpoints.client.objects import AnyObject, ref_of
from mlendpoints.client.plans import Preview, make_plan
from mlendpoints.client.rooms import list_nodes, list_quotas
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.capacity import needs
from mlendpoints.core.course import Course, Stage, Usage, total, usage_of, workloads_of
from mlendpoints.core.endpoint import preview as endpoints
from mlendpoints.core.mlmodel import preview as mlmodels
from mlendpoints.core.nodes import Node, free_for, has_room
from mlendpoints.core.times import timestamp
from mlendpoints.core.world import MLModelWorld, Ref, World
from mlendpoints.core.written import new_uid
from mlendpoints.edge.kube.kinds import ROOTS
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.observe.projections import Entry
from mlendpoints.edge.observe.snapshot import Snapshot


async def preview(connection: Connection, objects: Sequence[AnyObject | Manifest]) -> Preview:
    """Of objects of one namespace; raises a ``ClientError``. Reads only, by lists.

    A manifest is merged with the stored object as ``kubectl apply`` does; a typed object replaces it.
    """
    pairs = [(_placed(obj, connection.namespace), obj) for obj in objects]
    namespaces = sorted({obj.metadata.namespace for obj, _ in pairs})
    if len(namespaces) != 1:
        raise InvalidError(f"Preview objects of one namespace at a time, not of {', '.join(namespaces) or 'none'}.")
    installed = await find_operator(connection, namespaces[0])
    snapshot = await Handlers(connection).snapshot(installed, Ref(pairs[0][0].KIND, namespaces[0], ""))
    edits = [_edited(snapshot.cache, _merged(snapshot, *pair)) for pair in pairs]
    for _, after in edits:
        snapshot.cache.put(Entry(ref_of(after), after.metadata.uid, after))
    roots = _affected(snapshot.cache, [ref_of(after) for _, after in edits])
    worlds = worlds_of(snapshot, installed, roots)
    courses = tuple(_course(world, Stage(world, live_of(world, snapshot))) for world in worlds.values())
    quotas, nodes = await list_quotas(connection, namespaces[0]), await list_nodes(connection)
    now = total(usage_of(course.start) for course in courses)
    return Preview(
        create=tuple(ref_of(after) for before, after in edits if before is None),
        change=tuple(
            change for before, after in edits if before is not None for change in field_changes(before, after)
        ),
        plan=make_plan(courses),
        needs=needs(now, courses, quotas or (), free=_free(nodes, courses)),
        quotas_are_known=quotas is not None,
        nodes_are_known=nodes is not None,
        too_large=_too_large(nodes, courses),
    )


def _merged(snapshot: Snapshot, obj: AnyObject, given: AnyObject | Manifest) -> AnyObject:
    """What an apply makes of it, if it is a document of an object that exists."""
    stored = snapshot.manifests.get(ref_of(obj))
    if stored is None or isinstance(given, AnyObject):
        return obj
    return replace(obj, spec=applied(stored, given, type(obj.spec)))


def _pods(courses: Iterable[Course[Any]]) -> dict[Ref, Manifest]:
    """The specs of the pods at the end, by their workloads."""
    return {ref: spec for course in courses if course.end for ref, spec in workloads_of(course.end)}


def _free(nodes: tuple[Node, ...] | None, courses: Sequence[Course[Any]]) -> Usage | None:
    return None if nodes is None else free_for(nodes, _pods(courses).values())


def _too_large(nodes: tuple[Node, ...] | None, courses: Sequence[Course[Any]]) -> tuple[Ref, ...]:
    """The workloads that are created with pods for which no node has room."""
    existing = {ref for course in courses for ref in course.start.manifests}
    new = [(ref, spec) for ref, spec in _pods(courses).items() if ref not in existing]
    return tuple(ref for ref, spec in new if not has_room(nodes, spec)) if nodes is not None else ()


def _course(world: World | MLModelWorld, stage: Stage[Any]) -> Course[Any]:
    if isinstance(world, World):
        return endpoints.preview(world, stage.manifests)
    return mlmodels.preview(world, stage.manifests)


def _placed(obj: AnyObject | Manifest, namespace: str) -> AnyObject:
    known = obj if isinstance(obj, AnyObject) else make_object(obj)
    return with_metadata(known, namespace=known.metadata.namespace or namespace)


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
