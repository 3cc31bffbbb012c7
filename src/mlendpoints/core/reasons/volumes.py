"""Claims without a volume, in words for their owner: where the volume should come from, and where to look why not.

Binders and provisioners report why in events of the claim only; the scheduler only says that a pod is waiting.
"""

import re

from mlendpoints.core.world import PodFacts

# Of kube-scheduler's plugins VolumeBinding and VolumeRestrictions, said while a claim is not bound, or of just before.
_WAITS = re.compile(
    r'unbound immediate PersistentVolumeClaims|persistentvolumeclaim "|available persistent volumes to bind'
    r"|non-existent pv|waiting for ephemeral volume|plugin \"VolumeBinding\"",
    re.IGNORECASE,
)


def waits_for_volume(pod: PodFacts) -> bool:
    """Whether the pod cannot be scheduled because a claim of it is not bound."""
    return _WAITS.search(pod.unschedulable) is not None


def no_volume(namespace: str, claim: str, storage_class: str) -> str:
    """The message about a claim without a volume."""
    source = (
        f"StorageClass {storage_class}"
        if storage_class
        else "the cluster's default StorageClass (if there is none, set storageClass)"
    )
    return (
        f"Claim {claim} has no volume yet; it should come from {source}."
        f" If this persists, `kubectl describe pvc {claim} -n {namespace}` says why."
    )
