"""Prometheus metrics of the operator, of each endpoint and of each MLModel."""

from contextlib import suppress

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from mlendpoints.api.endpoint import Endpoint, EndpointStatus
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.reasons import ConditionType
from mlendpoints.core.times import seconds
from mlendpoints.core.world import Ref
from mlendpoints.edge.words import Words

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, of no use

_PREFIX = "mlendpoints"
_CONDITIONS = (ConditionType.AVAILABLE, ConditionType.READY, ConditionType.UPDATE_SUCCEEDED)


class Metrics:
    """The metrics of one operator, in a registry of its own."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.registry = registry
        self.reconciles = Counter(
            "reconciles", "Reconciles by result.", ["result"], namespace=_PREFIX, registry=registry
        )
        self.seconds = Histogram("reconcile_seconds", "Duration of a reconcile.", namespace=_PREFIX, registry=registry)
        self.lag = Histogram(
            "event_loop_lag_seconds",
            "How late a timer fires, measured every 0.1 s: watches, probes and the lease wait as long.",
            namespace=_PREFIX,
            registry=registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )
        self.depth = Gauge("queue_depth", "Keys in the work queue.", namespace=_PREFIX, registry=registry)
        self.throttled = Counter(
            "namespace_throttled",
            "Times that a namespace had used up its share of the operator's processor, so that its keys had to wait.",
            ["namespace"],
            namespace=_PREFIX,
            registry=registry,
        )
        self.requests = Counter(
            "api_requests",
            "Requests to the API server.",
            ["verb", "kind", "code"],
            namespace=_PREFIX,
            registry=registry,
        )
        self.skipped = Counter(
            "objects_skipped",
            "Objects that could not be decoded; their last known state is kept.",
            ["kind"],
            namespace=_PREFIX,
            registry=registry,
        )
        self.updates = Counter(
            "updates",
            "Updates of endpoints that have ended, by outcome.",
            ["outcome"],
            namespace=_PREFIX,
            registry=registry,
        )
        self.update_seconds = Histogram(
            "update_seconds",
            "Time from the start of a successful update until every gateway pod was proven to serve it.",
            namespace=_PREFIX,
            registry=registry,
            buckets=(0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 150, 300, 600, 1800, 3600),
        )
        self.probes = Counter(
            "probes",
            "Probes of gateway pods, by whether the answer was the expected one.",
            ["result"],
            namespace=_PREFIX,
            registry=registry,
        )
        self.leads = Gauge("leader", "1 while this process may write.", namespace=_PREFIX, registry=registry)
        self._states = Words(
            f"{_PREFIX}_endpoint_state",
            "1 for the state an endpoint is in.",
            ("namespace", "endpoint", "state"),
            registry=registry,
        )
        self._phases = Words(
            f"{_PREFIX}_mlmodel_phase",
            "1 for the phase an MLModel is in.",
            ("namespace", "mlmodel", "phase"),
            registry=registry,
        )
        self._conditions = Words(
            f"{_PREFIX}_endpoint_condition",
            "1 for the status that a condition of an endpoint has.",
            ("namespace", "endpoint", "condition", "status"),
            registry=registry,
        )

    def request(self, verb: str, kind: str, code: int) -> None:
        """Counts one request; code 0 means no response."""
        self.requests.labels(verb, kind, str(code)).inc()

    def skip(self, kind: str) -> None:
        """Counts one object that could not be decoded."""
        self.skipped.labels(kind).inc()

    def endpoint(self, ref: Ref, endpoint: Endpoint | None) -> None:
        """Sets the series of an endpoint's state and conditions; removes them once it is deleted."""
        name = (ref.namespace, ref.name)
        self._states.show(*name, word=endpoint.status.state or "" if endpoint else "")
        statuses = {condition.type: condition.status for condition in endpoint.status.conditions} if endpoint else {}
        for kind in _CONDITIONS:
            self._conditions.show(*name, kind.value, word=statuses.get(kind, ""))

    def updated(self, before: EndpointStatus, after: EndpointStatus) -> None:
        """Counts the updates that a new status of an endpoint reports as ended."""
        for entry in after.history:
            if entry not in before.history:
                self.updates.labels(entry.outcome).inc()
                if entry.outcome == "Succeeded":
                    with suppress(ValueError):  # the status may have been edited
                        self.update_seconds.observe(max(0.0, seconds(entry.end_time) - seconds(entry.start_time)))

    def probe(self, expected: bool) -> None:  # noqa: FBT001 - a callback's only value
        """Counts one probe of a gateway pod."""
        self.probes.labels("expected" if expected else "unexpected").inc()

    def mlmodel(self, ref: Ref, model: MLModel | None) -> None:
        """Sets the series of an MLModel's phase; removes it once it is deleted."""
        self._phases.show(ref.namespace, ref.name, word=model.status.phase or "" if model else "")

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
