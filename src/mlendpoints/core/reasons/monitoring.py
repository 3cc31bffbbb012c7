"""Whether the optional sidecars of pods run: the finding of ``MonitoringReady``, which nothing else depends on."""

from collections.abc import Iterable, Iterator

from mlendpoints.api.model import Model
from mlendpoints.api.reasons import Reason
from mlendpoints.core.findings import Finding
from mlendpoints.core.manifests.sidecars import optional_sidecars
from mlendpoints.core.reasons.containers import optional_finding
from mlendpoints.core.world import PodFacts


def monitoring_finding(instances: Iterable[tuple[Model, Iterable[PodFacts]]]) -> Finding | None:
    """The first reason why a pod of these instances lacks one; None if they have no optional sidecar."""
    known = [(optional_sidecars(instance), pods) for instance, pods in instances]
    if not any(names for names, _ in known):
        return None
    findings = [finding for names, pods in known if names for finding in _findings(names, pods)]
    if worst := min(findings, key=lambda finding: finding.ok is None, default=None):
        return worst
    names = sorted({name for names, _ in known for name in names})
    return Finding.yes(Reason.SIDECARS_RUNNING, f"These containers run in all pods: {', '.join(names)}.")


def _findings(names: frozenset[str], pods: Iterable[PodFacts]) -> Iterator[Finding]:
    for pod in sorted(pods, key=lambda pod: pod.name):
        if pod.deleting or pod.has_ended:
            continue
        running = {container.name for container in pod.containers if container.ready}
        for container in pod.containers:
            if container.name in names - running and (finding := optional_finding(pod, container)):
                yield finding
        if waiting := sorted(names - running):
            yield Finding.wait(Reason.SIDECARS_STARTING, f"Pod {pod.name} does not run yet: {', '.join(waiting)}.")
