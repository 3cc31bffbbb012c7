"""A model and its proxy, and what the proxy's metrics say, read by Prometheus' own parser."""

import http.client
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.images.processes import ROOT, Reply, Running, ask, nginx, until
from tests.images.upstream import Upstream, upstream

DECLARED = json.loads((ROOT / "images" / "nginx" / "metrics.json").read_text())
FAMILIES = {each["name"].removesuffix("_total"): each["name"] for each in DECLARED["metrics"]}
LATENCIES = ("mlendpoints_model_latency_seconds", "mlendpoints_overhead_latency_seconds")
DURATION = "mlendpoints_request_duration_seconds"
IN_FLIGHT = "mlendpoints_requests_in_flight"
OK = 200
LOST = "mlendpoints_metric_updates_lost_total"


@dataclass(frozen=True)
class Pod:
    """A model and the proxy before it."""

    model: Upstream
    proxy: Running

    def codes(self) -> dict[str, int]:
        """Requests counted so far, by status."""
        return codes(self.proxy)

    def logged(self) -> dict[str, int]:
        """Requests in the access log, by status."""
        lines = self.proxy.output.read_text().splitlines()
        return Counter(f"{json.loads(line)['status']:03}" for line in lines)


@contextmanager
def a_pod(folder: Path, **environment: str) -> Iterator[Pod]:
    """Both, until the block ends; whatever is held then is let go."""
    with upstream() as model, nginx(folder, MODEL_PORT=str(model.port), **environment) as proxy:
        try:
            yield Pod(model, proxy)
        finally:
            model.go_on.set()


def monitoring(proxy: Running, path: str) -> Reply:
    """The answer of the monitoring port."""
    with closing(http.client.HTTPConnection("127.0.0.1", proxy.monitoring)) as connection:
        return ask(connection, "GET", path, headers={})


def metrics(proxy: Running) -> dict[str, Metric]:
    """All families by the names that they are declared by; the parser leaves ``_total`` out."""
    return {FAMILIES[family.name]: family for family in text_string_to_metric_families(until(lambda: _text(proxy)))}


def _text(proxy: Running) -> str | None:
    """None if there were too many scrapes just now."""
    reply = monitoring(proxy, "/metrics")
    return reply.body.decode() if reply.status == OK else None


def value(proxy: Running, name: str, *, suffix: str = "") -> float:
    """That of the only sample of this name."""
    (sample,) = [sample for sample in metrics(proxy)[name].samples if sample.name == f"{name}{suffix}"]
    return float(sample.value)


def codes(proxy: Running) -> dict[str, int]:
    """Requests by status, of those that occurred."""
    samples = metrics(proxy)["mlendpoints_requests_total"].samples
    return {sample.labels["code"]: int(sample.value) for sample in samples if sample.value}


def buckets(proxy: Running, name: str) -> dict[str, int]:
    """Cumulative counts of a histogram by upper bound."""
    samples = metrics(proxy)[name].samples
    return {sample.labels["le"]: int(sample.value) for sample in samples if sample.name == f"{name}_bucket"}
