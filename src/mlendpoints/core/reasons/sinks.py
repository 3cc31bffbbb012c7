"""Whether the sinks of captured traffic accept records: what the pods' metrics say, of one pod for each version.

All pods of a version have the same sink and credentials, so one of them is enough; the alert considers every pod
(docs/adr/0078). What it says is the tenant's: it decides on nothing but this finding.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mlendpoints.api.model import Model
from mlendpoints.api.monitoring import METRICS_PATH, METRICS_PORT
from mlendpoints.api.reasons import Reason
from mlendpoints.core.findings import Finding
from mlendpoints.core.manifests.capture import SINK_UP, captured
from mlendpoints.core.world import Measure, Measurement, PodFacts

Instances = Sequence[tuple[Model, Sequence[PodFacts]]]  # each with its pods


def sink_measures(instances: Instances) -> tuple[Measure, ...]:
    """What tells whether the sinks of these instances accept records."""
    measures = (_measure(pods) for model, pods in instances if captured(model) is not None)
    return tuple(measure for measure in measures if measure is not None)


def _measure(pods: Iterable[PodFacts]) -> Measure | None:
    """Of the pod with the first name, so that it stays the same."""
    serving = (pod for pod in pods if pod.ready and pod.address and not pod.deleting)
    pod = min(serving, key=lambda pod: pod.name, default=None)
    return Measure(pod.name, pod.address, METRICS_PORT, SINK_UP, METRICS_PATH) if pod else None


def sink_findings(measures: Iterable[Measure], measurements: Mapping[Measure, Measurement]) -> Iterator[Finding]:
    """One for each pod whose sink does not accept records."""
    for measure in measures:
        found = measurements.get(measure)
        if found is not None and found.value == 0:
            yield Finding.no(
                Reason.SINK_UNAVAILABLE,
                f"The sink of captured traffic does not accept the records of pod {measure.pod}; the log of its"
                " container shipper says why. Requests are served; records wait in the pod until there is no room, and"
                " are retried.",
            )


def unmeasured(measures: Iterable[Measure], measurements: Mapping[Measure, Measurement]) -> str:
    """A sentence on the first pod whose metrics cannot be read; empty if there is none."""
    for measure in measures:
        if (found := measurements.get(measure)) is not None and found.failure:
            return (
                f"Whether the sink of captured traffic accepts records is unknown: the operator cannot read the metrics"
                f" of pod {measure.pod}: {found.failure}."
            )
    return ""
