"""What a decision comes to: writes, deletions, a status, questions, a time to look again.

Data only. The edge does it in this order: ``writes``, ``prune``, ``finalizer``,
``status``, ``events``, ``probes``; then it sleeps until something changes or
until ``recheck``.
"""

from typing import Literal

from msgspec import Struct

from mlendpoints.api.endpoint import EndpointStatus
from mlendpoints.api.mlmodel import MLModelStatus
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.world import Child, Lookup, Measure, Probe, Ref


class Create(Struct, frozen=True):
    """POST: the object is not there. 409: adopt if it is ours, else refuse as ``NotOwned``."""

    ref: Ref
    manifest: Manifest


class Apply(Struct, frozen=True):
    """Server-side apply, forced, carrying ``metadata.uid`` of what was observed, and its version if one is named."""

    ref: Ref
    manifest: Manifest
    uid: str
    version: str = ""  # nothing newer is overwritten


class Replace(Struct, frozen=True):
    """PUT, carrying uid and resourceVersion: what the manifest leaves out goes, whoever has set it."""

    child: Child
    manifest: Manifest


class Scale(Struct, frozen=True):
    """Merge patch of ``spec.replicas`` alone, carrying uid and resourceVersion.

    ``asked``, where given, is written beside it: what the endpoint last asked of a model instance.
    """

    child: Child
    replicas: int
    asked: str | None = None


class Refreeze(Struct, frozen=True):
    """Merge patch of what the operator has frozen of its own in a model instance, carrying uid and resourceVersion.

    Only while ``deployment`` does not exist, which is looked up: no instance that has pods is touched.
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
    """All that follows from one world. An empty plan means: nothing to do."""

    writes: tuple[Write, ...] = ()
    prune: tuple[Child, ...] = ()  # delete with uid and resourceVersion preconditions, background
    guard: Child | None = None  # the VirtualService that ``prune`` was decided by; None: absent, or the finalizer goes
    finalizer: bool | None = None  # True: add ours; False: remove it; None: leave
    status: EndpointStatus | None = None  # None: unchanged
    patient: bool = False  # the status tells details only: it may wait a moment, so that several make one write
    events: tuple[Event, ...] = ()
    probes: tuple[Probe, ...] = ()
    measures: tuple[Measure, ...] = ()
    lookups: tuple[Lookup, ...] = ()  # whose events are read
    recheck: float | None = None  # seconds since the epoch


class MLModelPlan(Struct, frozen=True, kw_only=True):
    """All that follows from the world of one MLModel, which has no routes: nothing to prove, nothing to guard."""

    writes: tuple[Write, ...] = ()
    prune: tuple[Child, ...] = ()  # delete with uid and resourceVersion preconditions, background
    status: MLModelStatus | None = None  # None: unchanged
    patient: bool = False  # the status tells details only
    events: tuple[Event, ...] = ()
    lookups: tuple[Lookup, ...] = ()  # whose events are read
    recheck: float | None = None  # seconds since the epoch
