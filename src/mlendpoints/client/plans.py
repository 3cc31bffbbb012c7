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

    ``needs`` are the resources that pods request at the peak of the update, against the namespace's quotas.
    """

    create: tuple[Ref, ...]
    change: tuple[FieldChange, ...]
    plan: Plan
    needs: tuple[Need, ...] = ()
    quotas_are_known: bool = True  # False: you may not list ResourceQuotas

    @property
    def fits(self) -> bool:
        """Whether every need fits into the quotas."""
        return all(need.fits for need in self.needs)

    def __str__(self) -> str:
        own = [*(f"+ {describe(ref)}" for ref in self.create), *(f"~ {change}" for change in self.change)]
        return "\n".join([*own, str(self.plan), *(_sentence(need) for need in self.needs)])


def _sentence(need: Need) -> str:
    room = "" if need.fits else f"; quota {need.quota} leaves {need.left} more"
    return f"{need.resource}: {need.now} now, {need.peak} at the peak{room}"


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
