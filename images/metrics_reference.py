"""What is generated from the declaration of pods' metrics: their reference, and the bounds of nginx' histograms."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from images.catalogue import ROOT

HEAD: Final = """\
<!-- Made by `make generate` from images/nginx/metrics.json; do not edit. -->
# Metrics of a model pod

Served by nginx at `:9090/metrics` of each pod, in Prometheus' text format. A headless Service, `{endpoint}-metrics` or
`{mlmodel}-monitor`, has the addresses of all pods.
[How Prometheus finds them](../how-to/monitor.md#how-prometheus-finds-the-pods).

"""

ONLY: Final = {
    "capture": " Only with [capture](../how-to/capture.md).",
    "fluent-bit": " Only with [Fluent Bit](../how-to/monitor.md#cpu-memory-and-io-of-processes).",
}
NOTES: Final = """\
## What counts

- Each request to the proxy's port counts once, when it is over, with the status in the access log: rejections by the
  proxy, such as of too large a body, and callers who disconnected (499, or the status of the response if its head was
  already sent), too. `mlendpoints_requests_total` is exact: every request that is in the access log, and no other.
- The kubelet's probes, preStop hooks, scrapes and the operator's pings (`GET /.well-known/mlendpoints/ping`) do not
  count. The `nginx_*` metrics contain them.
- A request that was rejected, or that the model server refused a connection, has a duration but no model latency: a
  server that is down does not look fast.
- A response that is streamed ends with its last byte, so its latency includes the time in which the caller reads it.
  nginx measures in milliseconds.
- A status that is not listed above appears with its first request.
- Counters start at 0 with the nginx container. What is in flight when a pod stops is counted, but not scraped any
  more: with a scrape interval of at most a third of the drain time (`drainSeconds`, 15 s by default), only requests
  that end after the last scrape are missing.
- If a worker of nginx crashes, the counters continue; only the requests in flight are missing.

## Processes

Only pods with Fluent Bit have `mlendpoints_process_*` ([how to](../how-to/monitor.md#cpu-memory-and-io-of-processes)).
`process` is `model` (all processes of its container, whatever they are called), `nginx` (this nginx) or `other`
(optional containers, and the process that holds the pod's namespaces). A counter includes the processes that have
ended since nginx started. All but `mlendpoints_process_metrics_up` are missing while Fluent Bit does not answer.

## Limits

- Callers cannot add series: no label has a value that comes from a request. A model server can add one for each
  status that it sends, at most 800. There is memory for all of them.
- Above 10 scrapes a second from one address (with bursts of 20), `/metrics` returns 429. Probes, hooks, callers and
  other scrapers are not affected.
- Pods that were created by an earlier release keep their image and template, and have only the `nginx_*` metrics,
  without labels, until their version is replaced. A template of an earlier release with this image works: `model` and
  `version` are empty, and `mlendpoints_cpu_requested_cores` and `mlendpoints_memory_limit_bytes` are missing.

## Who can reach it

`:9090` is not a port of any route: callers of an endpoint cannot reach it. By default every pod in the cluster can,
as it can reach any port of any pod. The metrics contain the names of the endpoint, its variants, models and versions,
and how much they are used.

- **NetworkPolicy.** With `networkPolicy.models=write`, only `networkPolicy.metricsFrom` can
  ([how to](../how-to/network-policies.md)). Kubelets reach the pods on their node in any case.
- **mTLS.** Pods without Istio's sidecar serve plain HTTP. In pods with one, its policies also apply to `:9090`: where
  `PeerAuthentication` is `STRICT`, Prometheus must be in the mesh, or the port must be excepted by
  `portLevelMtls: {9090: {mode: PERMISSIVE}}`. Istio redirects the kubelet's probes by itself.
"""


def make_buckets() -> str:
    """The module with the histograms' bounds: the declaration itself would cost each request 6 KiB."""
    declared = _declared()
    return f"""\
// Made by `make generate` from metrics.json; do not edit.
// Upper bounds of the histograms' buckets, in ms.

const BOUNDS = {declared["buckets"]};

export default {{ BOUNDS }};
"""


def make_metrics_reference() -> str:
    """The whole page, in Markdown."""
    declared = _declared()
    return HEAD + "\n".join([_metrics(declared["metrics"]), _labels(declared), NOTES])


def _declared() -> Any:  # noqa: ANN401 - JSON
    return json.loads((ROOT / "images" / "nginx" / "metrics.json").read_text())


def _metrics(metrics: Iterable[Mapping[str, Any]]) -> str:
    head = "| metric | type | further labels | what | in SageMaker |\n|---|---|---|---|---|\n"
    return head + "".join(_row(metric) for metric in metrics)


def _row(metric: Mapping[str, Any]) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.get("labels", []))
    what = f"{metric['help']}{ONLY.get(metric.get('only', ''), '')}"
    return f"| `{metric['name']}` | {metric['type']} | {labels} | {what} | {metric.get('sagemaker', '')} |\n"


def _labels(declared: Mapping[str, Any]) -> str:
    rows = "".join(f"| `{name}` | {what} |\n" for name, what in declared["labels"].items())
    bounds = ", ".join(f"{bound / 1000:g}" for bound in declared["buckets"])
    codes = ", ".join(declared["codes"])
    return (
        f"All have these labels, which are fixed when the pod starts:\n\n| label | what |\n|---|---|\n{rows}\n"
        f"Buckets of the histograms, in seconds: {bounds}; and the endpoint's own time limit if it is longer.\n\n"
        f"Statuses (`code`) that are listed from the start, so that a rate sees the first one: {codes}.\n"
    )
