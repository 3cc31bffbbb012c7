"""What the operator tells Prometheus of itself and of each endpoint."""

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

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.core.world import Ref

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody reads

_PREFIX = "mlendpoints"


class Metrics:
    """One registry for one operator."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.registry = registry
        self.reconciles = Counter(
            "reconciles", "Reconciles by result.", ["result"], namespace=_PREFIX, registry=registry
        )
        self.seconds = Histogram("reconcile_seconds", "Duration of a reconcile.", namespace=_PREFIX, registry=registry)
        self.depth = Gauge("queue_depth", "Keys that wait.", namespace=_PREFIX, registry=registry)
        self.requests = Counter(
            "api_requests",
            "Requests to the API server.",
            ["verb", "kind", "code"],
            namespace=_PREFIX,
            registry=registry,
        )
        self.leads = Gauge("leader", "1 while this process may write.", namespace=_PREFIX, registry=registry)
        self.states = Gauge(
            "endpoint_state",
            "1 for the state an endpoint is in.",
            ["namespace", "endpoint", "state"],
            namespace=_PREFIX,
            registry=registry,
        )
        self._state_of: dict[Ref, str] = {}

    def request(self, verb: str, kind: str, code: int) -> None:
        """Counts one request; code 0 means that no answer came."""
        self.requests.labels(verb, kind, str(code)).inc()

    def endpoint(self, ref: Ref, endpoint: Endpoint | None) -> None:
        """Shows an endpoint's state, or nothing once it is gone."""
        state = (endpoint.status.state or "") if endpoint else ""
        before = self._state_of.pop(ref, "")
        if before and before != state:
            self.states.remove(ref.namespace, ref.name, before)
        if state:
            self._state_of[ref] = state
            self.states.labels(ref.namespace, ref.name, state).set(1)

    def exposition(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self.registry)
