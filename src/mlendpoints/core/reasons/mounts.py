"""Failed mounts: what a kubelet reports of a volume that it cannot mount, in events only, whose text is not an API.

The sentences are those of ``pkg/volume/secret`` and ``configmap`` of Kubernetes; others are quoted.
"""

import re

from mlendpoints.core.reasons.quoting import quoted
from mlendpoints.core.reasons.warnings import newest
from mlendpoints.core.world import PodFacts

_MISSING = re.compile(r': (?P<kind>secret|configmap) "(?P<name>[-.a-z0-9]{1,253})" not found')
_KINDS = {"secret": "Secret", "configmap": "ConfigMap"}


def not_mounted(pod: PodFacts) -> str:
    """The missing Secret or ConfigMap that the pod is waiting for; empty if its node reports none."""
    found = _MISSING.search(_last(pod))
    named = f"{_KINDS[found['kind']]} {found['name']}" if found else ""
    return named if named in pod.pending_mounts else ""


def last_mount_error(pod: PodFacts) -> str:
    """The last error that its node reported, as a further sentence; empty if there is none."""
    error = _last(pod)
    return f" The node reports: {quoted(error).rstrip('. ')}." if error else ""


def _last(pod: PodFacts) -> str:
    """Only as long as no container of the pod can start."""
    warning = newest(each for each in pod.warnings if not each.container) if pod.pending_mounts else None
    return warning.message if warning else ""
