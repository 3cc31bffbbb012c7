"""A claim without a volume, in words for its owner: where the volume is to come from, and what tells why it does not.

What binds and provisions volumes says why in events of the claim alone; the scheduler says of a pod only that it waits.
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
    """The scheduler has found no node since a claim of the pod is not bound."""
    return _WAITS.search(pod.unschedulable) is not None


def no_volume(namespace: str, claim: str, storage_class: str) -> str:
    """That a claim has none, as sentences."""
    source = (
        f"StorageClass {storage_class}"
        if storage_class
        else "the cluster's default StorageClass (if there is none, set storageClass)"
    )
    return (
        f"Claim {claim} has no volume yet; it is to come from {source}."
        f" If this lasts, `kubectl describe pvc {claim} -n {namespace}` says why."
    )
