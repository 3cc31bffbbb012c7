"""Lookups of events: which objects' events to read, and the world completed by them.

A kubelet reports a probe's answer, and which volume it cannot mount, in events only. A Deployment whose pods are
rejected keeps the *first* message in its ReplicaFailure condition, as its
ReplicaSet does, although a retry was rejected for another reason since
(``calculateStatus`` of ``pkg/controller/replicaset`` and ``SetDeploymentCondition``
of ``pkg/controller/deployment/util`` in Kubernetes); its events have the last one.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from msgspec.structs import replace

from mlendpoints.core.reasons.probes import unhealthy
from mlendpoints.core.reasons.warnings import newest
from mlendpoints.core.world import Child, Lookup, MLModelWorld, PodFacts, Ref, WarningEvent, World

_AT_ONCE = 3  # pods, and Deployments, of one root: those of one version fail alike
DEPLOYMENT, POD = "Deployment", "Pod"

EventsRead = Mapping[Lookup, tuple[WarningEvent, ...]]
W = TypeVar("W", World, MLModelWorld)


def lookups(namespace: str, pods: Iterable[PodFacts], children: Iterable[Child]) -> tuple[Lookup, ...]:
    """The objects whose events may say more than their statuses."""
    broken = sorted((pod.instance, pod.name) for pod in pods if _may_have_events(pod))
    rejected = sorted(_lookup(child) for child in children if _is_rejected(child))
    return (*(_pod(namespace, name) for _, name in broken[:_AT_ONCE]), *rejected[:_AT_ONCE])


def with_events(namespace: str, world: W, events: EventsRead) -> W:
    """The world with the events that were read: warnings of pods, and why a Deployment's pods were last rejected."""
    if not events:
        return world
    pods = tuple(replace(pod, warnings=events.get(_pod(namespace, pod.name), pod.warnings)) for pod in world.pods)
    newer = {ref: _newest(child, events) for ref, child in world.children.items() if _is_rejected(child)}
    return replace(world, pods=pods, children={**world.children, **newer})


def _may_have_events(pod: PodFacts) -> bool:
    """A probe fails, or a volume cannot be mounted."""
    return unhealthy(pod) is not None or (bool(pod.pending_mounts) and not pod.deleting)


def _is_rejected(child: Child) -> bool:
    return child.ref.kind == DEPLOYMENT and bool(child.failure)


def _newest(deployment: Child, events: EventsRead) -> Child:
    """An event older than the condition is about an earlier rejection."""
    later = (warning for warning in events.get(_lookup(deployment), ()) if warning.at > deployment.failed_at)
    warning = newest(later)
    return deployment if warning is None else replace(deployment, failure=warning.message)


def _lookup(child: Child) -> Lookup:
    return Lookup(child.ref, child.manifest_hash)


def _pod(namespace: str, name: str) -> Lookup:
    return Lookup(Ref(POD, namespace, name))
