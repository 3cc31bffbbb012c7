"""The types of a plan: writes, deletions, a status, probes, a time to requeue.

Data only. The edge executes it in this order: ``writes``, ``prune``, ``finalizer``,
``status``, ``events``, ``probes``; then the key rests until something changes or
until ``recheck``.
"""

from typing import Literal

from msgspec import Struct

from mlendpoints.api.endpoint import EndpointStatus
from mlendpoints.api.mlmodel import MLModelStatus
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.world import Child, Lookup, Measure, Probe, Ref


class Create(Struct, frozen=True):
    """POST: the object does not exist. On 409 it is adopted if it is ours, else rejected as ``NotOwned``."""

    ref: Ref
    manifest: Manifest


class Apply(Struct, frozen=True):
    """Server-side apply, forced, carrying ``metadata.uid`` of what was observed, and its version if one is named."""

    ref: Ref
    manifest: Manifest
    uid: str
    version: str = ""  # a newer one is not overwritten


class Replace(Struct, frozen=True):
    """PUT, carrying uid and resourceVersion: fields that the manifest leaves out are removed, whoever set them."""

    child: Child
    manifest: Manifest


class Scale(Struct, frozen=True):
    """Merge patch of ``spec.replicas`` alone, carrying uid and resourceVersion.

    ``requested``, if given, is written in an annotation: what the endpoint last requested of a model instance.
    """

    child: Child
    replicas: int
    requested: str | None = None


class Refreeze(Struct, frozen=True):
    """Merge patch of the operator's own frozen part of a model instance, carrying uid and resourceVersion.

    Only while ``deployment`` does not exist, which is checked live: an instance with pods is never changed.
    """

    child: Child
    frozen: Manifest
    deployment: Ref


class SetStatus(Struct, frozen=True):
    """Merge patch of a child's status subresource (instances), carrying its uid."""

    child: Child
    status: Manifest


class Adopt(Struct, frozen=True):
    """Merge patch of a child's owner references alone, carrying uid and resourceVersion: it has no owner."""

    child: Child
    owner: Manifest


class Release(Struct, frozen=True):
    """Takes ``finalizer`` off a child that is being deleted, carrying uid and resourceVersion."""

    child: Child
    finalizer: str


Write = Create | Apply | Replace | Scale | Refreeze | SetStatus | Adopt | Release


class Event(Struct, frozen=True):
    """A Kubernetes event on the root object."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


class Plan(Struct, frozen=True, kw_only=True):
    """All that follows from one world. An empty plan: nothing to do."""

    writes: tuple[Write, ...] = ()
    prune: tuple[Child, ...] = ()  # delete with uid and resourceVersion preconditions, background
    precondition: Child | None = (
        None  # the VirtualService that ``prune`` depends on; None: it is absent, or the finalizer is removed
    )
    finalizer: bool | None = None  # True: add ours; False: remove it; None: leave
    status: EndpointStatus | None = None  # None: unchanged
    deferrable: bool = (
        False  # only details of the status changed: it is debounced, so that several changes make one write
    )
    repeats: bool = False  # the status says nothing new but its generation: many of those are spread over time
    events: tuple[Event, ...] = ()
    probes: tuple[Probe, ...] = ()
    measures: tuple[Measure, ...] = ()  # of pods' metrics, continuously
    lookups: tuple[Lookup, ...] = ()  # whose events are read
    recheck: float | None = None  # seconds since the epoch

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do and nothing to wait for."""
        return not (self.finalizer is not None or self.probes or _has_work(self))


class MLModelPlan(Struct, frozen=True, kw_only=True):
    """All that follows from the world of one MLModel, which has no routes: no probes, no precondition."""

    writes: tuple[Write, ...] = ()
    prune: tuple[Child, ...] = ()  # delete with uid and resourceVersion preconditions, background
    status: MLModelStatus | None = None  # None: unchanged
    deferrable: bool = False  # only details of the status changed
    repeats: bool = False  # the status says nothing new but its generation
    events: tuple[Event, ...] = ()
    measures: tuple[Measure, ...] = ()  # of pods' metrics, continuously
    lookups: tuple[Lookup, ...] = ()  # whose events are read
    recheck: float | None = None  # seconds since the epoch

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do and nothing to wait for."""
        return not _has_work(self)


def _has_work(plan: Plan | MLModelPlan) -> bool:
    return bool(plan.writes or plan.prune or plan.status is not None or plan.events or plan.lookups)
