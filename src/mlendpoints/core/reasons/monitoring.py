"""Whether the optional sidecars of pods run and can work: the finding of ``MonitoringReady``, for which nothing waits.

A pod without one is as it should be: its version may have been created by an earlier operator, or without an image.
That is said, and is no failure (docs/adr/0070).
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from mlendpoints.api.model import Model
from mlendpoints.api.reasons import Reason
from mlendpoints.core.findings import Finding
from mlendpoints.core.manifests import fluentbit
from mlendpoints.core.manifests.sidecars import optional_sidecars
from mlendpoints.core.reasons.containers import optional_finding
from mlendpoints.core.reasons.sinks import Instances, sink_findings, sink_measures, unmeasured
from mlendpoints.core.world import Measure, Measurement, PodFacts, Settings


class _Watched(Struct, frozen=True):
    """A version: the optional sidecars that its pods should have, and those pods that are not on their way out."""

    instance: Model
    names: frozenset[str]
    pods: tuple[PodFacts, ...]

    def lacks(self, pod: PodFacts) -> frozenset[str]:
        """Those that a pod does not have at all: it would not be ready before all its containers are reported."""
        return self.names - {container.name for container in pod.containers} if pod.ready else frozenset()


def monitoring_finding(
    instances: Instances, settings: Settings, measurements: Mapping[Measure, Measurement]
) -> Finding | None:
    """The first reason why a pod of these instances lacks a running one, or cannot ship; None without instances."""
    known = [_Watched(instance, optional_sidecars(instance), _current(pods)) for instance, pods in instances]
    if not known:
        return None
    measures = sink_measures(instances)
    sidecars = (finding for watched in known for finding in _findings(watched))
    findings = (*sidecars, *sink_findings(measures, measurements))
    worst = min(findings, key=lambda finding: finding.ok is None, default=None)
    return worst or _running(known, settings, unmeasured(measures, measurements))


def _current(pods: Iterable[PodFacts]) -> tuple[PodFacts, ...]:
    return tuple(sorted((p for p in pods if not p.deleting and not p.has_ended), key=lambda pod: pod.name))


def _findings(watched: _Watched) -> Iterator[Finding]:
    for pod in watched.pods:
        running = {container.name for container in pod.containers if container.ready} | watched.lacks(pod)
        for container in pod.containers:
            if container.name in watched.names - running and (finding := optional_finding(pod, container)):
                yield finding
        if waiting := sorted(watched.names - running):
            yield Finding.wait(Reason.SIDECARS_STARTING, f"Pod {pod.name} does not run yet: {', '.join(waiting)}.")


def _running(known: list[_Watched], settings: Settings, unknown: str) -> Finding:
    """Nothing is wrong; what is missing by choice, or is unknown, is a further sentence."""
    names = sorted({name for watched in known for name in _present(watched)})
    left_out = next((text for watched in known if (text := _left_out(watched, settings))), "")
    if not names:
        return Finding.yes(Reason.NO_PROCESS_METRICS, left_out)
    left_out = f"{left_out} {unknown}".strip()
    run = f"These containers run in all pods that have them: {', '.join(names)}."
    return Finding.yes(Reason.SIDECARS_RUNNING, f"{run} {left_out}".rstrip())


def _present(watched: _Watched) -> frozenset[str]:
    return watched.names.difference(*(watched.lacks(pod) for pod in watched.pods))


def _left_out(watched: _Watched, settings: Settings) -> str:
    """Why a version's pods have no Fluent Bit; empty if they have."""
    spec, name = watched.instance.spec, watched.instance.metadata.name
    if fluentbit.NAME in _present(watched):
        return ""
    if spec.own_process_namespace:
        return f"Pods of {name} have no metrics of their processes: its model sets ownProcessNamespace."
    if settings.fluent_bit_image:
        return (
            f"Pods of {name} have no metrics of their processes: when they were created, the operator had no image of "
            "Fluent Bit. Those of the next version will have them."
        )
    return (
        "Pods have no metrics of their processes (CPU, memory, IO): the operator has no image of Fluent Bit "
        "(fluentBit.image of its chart)."
    )
