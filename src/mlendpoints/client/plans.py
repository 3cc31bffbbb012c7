"""What a handler does, or would do: objects to create, change and remove, statuses, and what is waited for. Pure."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.client.explaining import explain
from mlendpoints.client.objects import describe, ref_of
from mlendpoints.core.canonical import canonical
from mlendpoints.core.capacity import Need
from mlendpoints.core.changes import FieldChange, status_changes
from mlendpoints.core.course import Course, changed, created, removed
from mlendpoints.core.world import MLModelWorld, Ref, World

Root = Endpoint | MLModel
_ROOTS = (Endpoint.KIND, MLModel.KIND)


class Plan(Struct, frozen=True, kw_only=True):
    """What a reconcile does to the dependants of ``objects``, endpoints and MLModels.

    ``str(plan)`` is a text for people.
    """

    objects: tuple[Ref, ...]
    create: tuple[Ref, ...] = ()
    change: tuple[FieldChange, ...] = ()
    remove: tuple[Ref, ...] = ()
    status: tuple[FieldChange, ...] = ()
    waits_for: tuple[str, ...] = ()  # a sentence for each object that is not ready then

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to create, change or remove; statuses may differ."""
        return not (self.create or self.change or self.remove)

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def _lines(plan: Plan) -> Iterator[str]:
    yield from (f"+ {describe(ref)}" for ref in plan.create)
    yield from (f"~ {change}" for change in plan.change)
    yield from (f"- {describe(ref)}" for ref in plan.remove)
    yield from plan.waits_for
    if plan.is_empty and not plan.waits_for:
        yield "Nothing to do."


class Preview(Struct, frozen=True, kw_only=True):
    """What an apply creates and changes of the objects themselves, then the operator's ``plan``, and its ``needs``.

    ``needs`` are the resources that pods request at the peak of the update, against the namespace's quotas and what
    the nodes have free.
    """

    create: tuple[Ref, ...]
    change: tuple[FieldChange, ...]
    plan: Plan
    needs: tuple[Need, ...] = ()
    quotas_are_known: bool = True  # False: you may not list ResourceQuotas
    nodes_are_known: bool = True  # False: you may not list all nodes and pods
    too_large: tuple[Ref, ...] = ()  # workloads with pods for which no node has room now

    @property
    def fits(self) -> bool:
        """Whether every need fits into the quotas."""
        return all(need.fits for need in self.needs)

    @property
    def is_empty(self) -> bool:
        """Whether an apply changes nothing, neither these objects nor their dependants."""
        return not (self.create or self.change) and self.plan.is_empty

    def __str__(self) -> str:
        own = [*(f"+ {describe(ref)}" for ref in self.create), *(f"~ {change}" for change in self.change)]
        plan = str(self.plan) if self.is_empty or not self.plan.is_empty or self.plan.waits_for else ""
        return "\n".join([*own, *filter(None, [plan]), *map(_sentence, self.needs), *_limits(self)])


def _limits(preview: Preview) -> Iterator[str]:
    if any(ref.kind in _ROOTS for ref in preview.create):
        yield "Versions of what is new will have other names: they depend on its uid, which the API server assigns."
    yield from (f"{describe(ref)}: no node has room for one of its pods now" for ref in preview.too_large)
    if preview.needs and not preview.quotas_are_known:
        yield "Quotas are not known: you may not list ResourceQuotas."
    if preview.needs and not preview.nodes_are_known:
        yield "The nodes' free capacity is not known: you may not list all nodes and pods."


def _sentence(need: Need) -> str:
    quota = f"; quota {need.quota} leaves {need.left} more" if need.quota else ""
    room = f"; nodes have {need.free} free" if need.free else ""
    return f"{need.resource}: {need.now} now, {need.peak} at the peak{quota}{room}"


def make_plan(courses: tuple[Course[Any], ...]) -> Plan:
    """The plan of several endpoints or MLModels."""
    roots = [(root_of(course.start.world), root_of(course.end.world) if course.end else None) for course in courses]
    statuses = ((ref_of(old), canonical(old.status), canonical(new.status)) for old, new in roots if new is not None)
    return Plan(
        objects=tuple(ref_of(old) for old, _ in roots),
        create=tuple(ref for course in courses for ref in created(course)),
        change=tuple(change for course in courses for change in changed(course)),
        remove=tuple(ref for course in courses for ref in removed(course)),
        status=tuple(change for status in statuses for change in status_changes(*status)),
        waits_for=tuple(text for _, new in roots if new is not None and (text := _waits_for(new))),
    )


def root_of(world: World | MLModelWorld) -> Root:
    """The endpoint or MLModel that a world is about."""
    return world.endpoint if isinstance(world, World) else world.model


def _waits_for(root: Root) -> str:
    found = explain(root)
    return "" if found.is_ready else f"{describe(ref_of(root))}: {found.sentence}"


def deleted(world: World | MLModelWorld, at: str) -> World | MLModelWorld:
    """The world with its endpoint or MLModel being deleted."""
    if isinstance(world, World):
        endpoint = world.endpoint
        return replace(world, endpoint=replace(endpoint, metadata=replace(endpoint.metadata, deletion_timestamp=at)))
    return replace(world, model=replace(world.model, metadata=replace(world.model.metadata, deletion_timestamp=at)))
