"""What a node says of a volume that it cannot mount: in events alone, whose text is not an API.

The sentences are those of ``pkg/volume/secret`` and ``configmap`` of Kubernetes; others are quoted.
"""

import re

from mlendpoints.core.reasons.quoting import quoted
from mlendpoints.core.world import PodFacts

_MISSING = re.compile(r': (?P<kind>secret|configmap) "(?P<name>[-.a-z0-9]{1,253})" not found')
_KINDS = {"secret": "Secret", "configmap": "ConfigMap"}


def not_mounted(pod: PodFacts) -> str:
    """The Secret or ConfigMap that the pod still waits for and that does not exist; empty if its node says of none."""
    found = _MISSING.search(_last(pod))
    named = f"{_KINDS[found['kind']]} {found['name']}" if found else ""
    return named if named in pod.awaited else ""


def mount_said(pod: PodFacts) -> str:
    """What its node said last, as a further sentence; empty if it has said nothing."""
    said = _last(pod)
    return f" The node says: {quoted(said).rstrip('. ')}." if said else ""


def _last(pod: PodFacts) -> str:
    """While nothing of a pod can start, and so nothing is said of containers."""
    said = [complaint for complaint in pod.complaints if not complaint.container] if pod.awaited else []
    return max(said, key=lambda complaint: complaint.at).message if said else ""
