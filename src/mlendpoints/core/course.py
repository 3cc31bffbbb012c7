"""The course that one endpoint or MLModel takes: what plans change in all, and how much it needs at its peak.

Data, and sums over it; ``endpoint.preview`` and ``mlmodel.preview`` make courses.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any, Generic, TypeVar

from msgspec import Struct

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.changes import FieldChange, field_changes
from mlendpoints.core.quantities import exact
from mlendpoints.core.world import Child, MLModelWorld, PodFacts, Ref, World
from mlendpoints.core.written import DEPLOYMENT

W = TypeVar("W", bound=World | MLModelWorld)

Manifests = Mapping[Ref, Manifest]
Usage = Mapping[str, Fraction]  # of a namespace, by the names that resource quotas have: pods, requests.cpu, ...

PODS, JOB = "pods", "Job"
_SURGE = Fraction(1, 4)  # maxSurge of Deployments


class Stage(Struct, Generic[W], frozen=True):
    """A world, and the whole objects in it as far as they are known."""

    world: W
    manifests: Manifests


class Course(Struct, Generic[W], frozen=True, kw_only=True):
    """From the observed world to the one at rest; ``end`` is None if the endpoint or MLModel is gone then."""

    start: Stage[W]
    end: Stage[W] | None
    peak: Usage = {}  # the most that its pods request at once
    is_complete: bool = True  # False: it is not known how it goes on


def created(course: Course[Any]) -> tuple[Ref, ...]:
    """The objects that do not exist yet, or are re-created."""
    before, after = _children(course.start), _children(course.end)
    return tuple(ref for ref in sorted(after) if ref not in before or before[ref].uid != after[ref].uid)


def removed(course: Course[Any]) -> tuple[Ref, ...]:
    """The objects that are deleted, by the operator or with their owners."""
    before, after = _children(course.start), _children(course.end)
    return tuple(ref for ref in sorted(before) if ref not in after or before[ref].uid != after[ref].uid)


def changed(course: Course[Any]) -> tuple[FieldChange, ...]:
    """The fields of existing objects that are written."""
    if course.end is None:
        return ()
    before, after = course.start.manifests, course.end.manifests
    both = sorted(before.keys() & after.keys() & _children(course.start).keys() - set(created(course)))
    return tuple(
        change
        for ref in both
        if before[ref] != after[ref]
        for change in (
            *field_changes(ref, "metadata.labels", *(_labels(manifests[ref]) for manifests in (before, after))),
            *field_changes(ref, "spec", *(manifests[ref].get("spec", {}) for manifests in (before, after))),
        )
    )


def _labels(manifest: Manifest) -> Manifest:
    labels: Manifest = manifest["metadata"].get("labels", {})
    return labels


def _children(stage: Stage[Any] | None) -> Mapping[Ref, Child]:
    return {} if stage is None else {ref: child for ref, child in stage.world.children.items() if not child.deleting}


def usage_of(stage: Stage[Any]) -> Usage:
    """What the pods of a world request, those included that are draining."""
    pods = ((_count(ref, stage.world), manifest["spec"]["template"]["spec"]) for ref, manifest in _workloads(stage))
    used = total({name: amount * count for name, amount in pod_usage(spec).items()} for count, spec in pods)
    return {name: amount for name, amount in sorted(used.items()) if amount}


def workloads_of(stage: Stage[Any]) -> Iterator[tuple[Ref, Manifest]]:
    """The specs of the pods that each workload of a stage has, or is to have."""
    for ref, manifest in _workloads(stage):
        if _count(ref, stage.world):
            yield ref, manifest["spec"]["template"]["spec"]


def _workloads(stage: Stage[Any]) -> Iterator[tuple[Ref, Manifest]]:
    """Deployments, those included whose pods are draining, and Jobs."""
    for ref, manifest in stage.manifests.items():
        if ref.kind in (DEPLOYMENT, JOB) and manifest.get("spec", {}).get("template"):
            yield ref, manifest


def _count(ref: Ref, world: World | MLModelWorld) -> int:
    child = world.children.get(ref)
    if child is None:
        return _draining(ref.name, world.pods) if isinstance(world, World) else 0
    if child.job is not None:
        return 0 if child.job.succeeded or child.job.failed_at else 1
    replicas = child.replicas or 0
    return replicas + (math.ceil(replicas * _SURGE) if _replaces_pods(child, world) else 0)


def _replaces_pods(deployment: Child, world: World | MLModelWorld) -> bool:
    """A Deployment that replaces its pods has more of them meanwhile; those of instances never do."""
    return isinstance(world, MLModelWorld) and not deployment.current and deployment.ready_replicas > 0


def total(usages: Iterable[Usage]) -> dict[str, Fraction]:
    """The sum; of peaks it is the most that there can be, since they need not coincide."""
    found: dict[str, Fraction] = {}
    for usage in usages:
        for name, amount in usage.items():
            found[name] = found.get(name, Fraction(0)) + amount
    return found


def _draining(instance: str, pods: Iterable[PodFacts]) -> int:
    return sum(pod.instance == instance and not pod.has_ended for pod in pods)


def pod_usage(spec: Manifest) -> Usage:
    """What one pod counts for in a quota: its containers, or an init container that needs more (KEP-753)."""
    running: dict[str, Fraction] = {}
    most: dict[str, Fraction] = {}
    for container in spec.get("initContainers", ()):
        stays = container.get("restartPolicy") == "Always"
        needed = total([running, _amounts(container)])
        running = needed if stays else running
        most = more_of(most, needed)
    running = total([running, *(_amounts(container) for container in spec.get("containers", ()))])
    return {**more_of(most, running), PODS: Fraction(1)}


def _amounts(container: Manifest) -> dict[str, Fraction]:
    resources = container.get("resources", {})
    requests = {**resources.get("limits", {}), **resources.get("requests", {})}  # requests default to limits
    kinds = {"requests": requests, "limits": resources.get("limits", {})}
    return {f"{kind}.{name}": exact(str(value)) for kind, amounts in kinds.items() for name, value in amounts.items()}


def more_of(one: Usage, other: Usage) -> dict[str, Fraction]:
    """The larger amount of each resource."""
    names = sorted({*one, *other})
    return {name: max(one.get(name, Fraction(0)), other.get(name, Fraction(0))) for name in names}
