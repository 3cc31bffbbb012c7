"""What events alone tell, and what becomes of it: which to read, and the world with what they say.

A kubelet tells a probe's answer, and which volume it cannot mount, in events only. A Deployment whose pods are
rejected keeps the *first* message in its ReplicaFailure condition, as its
ReplicaSet does, although a retry was rejected for another reason since
(``calculateStatus`` of ``pkg/controller/replicaset`` and ``SetDeploymentCondition``
of ``pkg/controller/deployment/util`` in Kubernetes); its events have the last one.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from msgspec.structs import replace

from mlendpoints.core.reasons.probes import unhealthy
from mlendpoints.core.world import Child, Complaint, Lookup, MLModelWorld, PodFacts, Ref, World

_AT_ONCE = 3  # pods, and Deployments, of one root: those of one version fail alike
DEPLOYMENT, POD = "Deployment", "Pod"

Said = Mapping[Lookup, tuple[Complaint, ...]]
W = TypeVar("W", World, MLModelWorld)


def lookups(namespace: str, pods: Iterable[PodFacts], children: Iterable[Child]) -> tuple[Lookup, ...]:
    """The objects whose events may tell more than their statuses."""
    broken = sorted((pod.instance, pod.name) for pod in pods if _tells_more(pod))
    rejected = sorted(_lookup(child) for child in children if _is_rejected(child))
    return (*(_pod(namespace, name) for _, name in broken[:_AT_ONCE]), *rejected[:_AT_ONCE])


def with_events(namespace: str, world: W, said: Said) -> W:
    """The world, with what was read: of each pod, and as the cause why a Deployment's pods are rejected."""
    if not said:
        return world
    pods = tuple(replace(pod, complaints=said.get(_pod(namespace, pod.name), pod.complaints)) for pod in world.pods)
    newer = {ref: _newest(child, said) for ref, child in world.children.items() if _is_rejected(child)}
    return replace(world, pods=pods, children={**world.children, **newer})


def _tells_more(pod: PodFacts) -> bool:
    """A probe fails, or a volume cannot be mounted."""
    return unhealthy(pod) is not None or (bool(pod.awaited) and not pod.deleting)


def _is_rejected(child: Child) -> bool:
    return child.ref.kind == DEPLOYMENT and bool(child.failure)


def _newest(deployment: Child, said: Said) -> Child:
    """An event of before the condition tells of what was rejected before."""
    known = (complaint for complaint in said.get(_lookup(deployment), ()) if complaint.at > deployment.failed_at)
    newest = max(known, key=lambda complaint: complaint.at, default=None)
    return deployment if newest is None else replace(deployment, failure=newest.message)


def _lookup(child: Child) -> Lookup:
    return Lookup(child.ref, child.manifest_hash)


def _pod(namespace: str, name: str) -> Lookup:
    return Lookup(Ref(POD, namespace, name))
