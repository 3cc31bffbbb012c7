"""The dashboard of an endpoint, or of an MLModel: by variant, and by version while one replaces another."""

from typing import Final

from hack.dashboards.boards import Board, Variable
from hack.dashboards.panels import Panel, Section, Stat, Timeline
from hack.dashboards.pods import CAPACITY, CAPTURE, PROCESSES
from hack.dashboards.promql import NAME, OF, RATE, WHERE, leader, or_zero, rate_by, recorded_quantiles
from hack.rules import thresholds

_LIMITS: Final = thresholds()
_VERSION: Final = "{{variant}} {{version}}"
_ALL_INVOCATIONS: Final = f"sum(mlendpoints:invocations:rate5m{{{NAME}}})"
_LATENCY_BUCKETS: Final = f"mlendpoints_model_latency_seconds_bucket{WHERE}"
_SOURCE: Final = "mlendpoints_requests_in_flight"  # of every pod, from its start


def _of_total(expression: str) -> str:
    return f"sum({expression}) / (sum(mlendpoints:invocations:rate5m{WHERE}) > 0)"


_OVERVIEW = Section(
    "Overview",
    (
        Stat(
            title="Invocations",
            help="Requests per second, mean of 5 minutes.",
            queries=[(f"sum(mlendpoints:invocations:rate5m{WHERE})", "")],
            unit="reqps",
        ),
        Stat(
            title="Server errors",
            help="Share of responses with a status of 500 to 599. Red: MLEndpointErrors fires by default.",
            queries=[(_of_total(f"mlendpoints:invocation_5xx_errors:rate5m{WHERE}"), "")],
            unit="percentunit",
            limit=_LIMITS["errorRatio"],
        ),
        Stat(
            title="Model latency p99",
            help="Of the slowest variant, in the model server. Red: MLEndpointLatency fires by default.",
            queries=[(f'max(mlendpoints:model_latency_seconds:quantile5m{{{OF}, quantile="0.99"}})', "")],
            unit="s",
            limit=_LIMITS["modelLatencySeconds"],
        ),
        Stat(
            title="Concurrent requests",
            help="Of the busiest pod, which rejects requests beyond 1,000. Red: MLEndpointSaturated fires by default.",
            queries=[(f"max(mlendpoints:concurrent_requests_per_instance:max{WHERE})", "")],
            limit=_LIMITS["concurrentRequests"],
        ),
        Stat(
            title="Instances",
            help="Pods that are scraped, including those that are draining or kept without traffic.",
            queries=[(f"sum(mlendpoints:instances:count{WHERE})", "")],
        ),
        Stat(
            title="Alerts",
            help="Alerts about this endpoint that fire.",
            queries=[(or_zero(f'count(ALERTS{{{NAME}, alertstate="firing"}})'), "")],
            limit=1,
        ),
    ),
)
_TRAFFIC = Section(
    "Traffic",
    (
        Panel(
            title="Invocations by variant",
            help="Requests per second, mean of 5 minutes.",
            queries=[(f"mlendpoints:invocations:rate5m{WHERE}", "{{variant}}")],
            unit="reqps",
            stacked=True,
        ),
        Panel(
            title="Traffic share",
            help="Share of the endpoint's requests that each variant receives: compare it with its weight.",
            queries=[
                (
                    f"mlendpoints:invocations:rate5m{WHERE} / on () group_left () ({_ALL_INVOCATIONS} > 0)",
                    "{{variant}}",
                )
            ],
            unit="percentunit",
            maximum=1,
        ),
        Panel(
            title="Invocations by version",
            help="Requests per second. During an update, the new version takes over from the previous one.",
            queries=[
                (rate_by("variant, version", f"mlendpoints_requests_total{WHERE}"), _VERSION),
            ],
            unit="reqps",
            stacked=True,
        ),
        Panel(
            title="Responses by status",
            help="Responses per second. 499: the caller closed the connection first.",
            queries=[
                (f"sum by (code) (rate(mlendpoints_requests_total{WHERE}[{RATE}])) > 0", "{{code}}"),
            ],
            unit="reqps",
            stacked=True,
        ),
        Panel(
            title="Client errors (4xx)",
            help="Share of each variant's responses with a status of 400 to 499.",
            queries=[(f"mlendpoints:invocation_4xx_errors:ratio_rate5m{WHERE}", "{{variant}}")],
            unit="percentunit",
            maximum=1,
        ),
        Panel(
            title="Server errors (5xx)",
            help="Share of each variant's responses with a status of 500 to 599. Line: MLEndpointErrors by default.",
            queries=[(f"mlendpoints:invocation_5xx_errors:ratio_rate5m{WHERE}", "{{variant}}")],
            unit="percentunit",
            limit=_LIMITS["errorRatio"],
        ),
        Panel(
            title="Errors by version",
            help="Responses per second with a status of 400 to 599.",
            queries=[
                (
                    f'sum by (variant, version) (rate(mlendpoints_requests_total{{{OF}, code=~"[45].."}}[{RATE}]))',
                    _VERSION,
                )
            ],
            unit="reqps",
        ),
        Panel(
            title="Bytes received",
            help="Bytes of requests per second, by variant.",
            queries=[(rate_by("variant", f"mlendpoints_request_bytes_total{WHERE}"), "{{variant}}")],
            unit="Bps",
        ),
        Panel(
            title="Bytes sent",
            help="Bytes of responses per second, by variant.",
            queries=[(rate_by("variant", f"mlendpoints_response_bytes_total{WHERE}"), "{{variant}}")],
            unit="Bps",
        ),
    ),
)
_LATENCY = Section(
    "Latency",
    (
        Panel(
            title="Model latency",
            help="Time in the model server: p50, p90 and p99 by variant. Line: MLEndpointLatency by default.",
            queries=recorded_quantiles("model_latency_seconds"),
            unit="s",
            limit=_LIMITS["modelLatencySeconds"],
        ),
        Panel(
            title="Overhead latency",
            help="Time outside of the model server, such as the upload of the body: p50, p90 and p99 by variant.",
            queries=recorded_quantiles("overhead_latency_seconds"),
            unit="s",
        ),
        Panel(
            title="Model latency p99 by version",
            help="Compares versions while one replaces another.",
            queries=[
                (
                    f"histogram_quantile(0.99, {rate_by('variant, version, le', _LATENCY_BUCKETS)}) >= 0",
                    _VERSION,
                )
            ],
            unit="s",
        ),
    ),
)
_UPDATES = Section(
    "Updates",
    (
        Timeline(
            title="State",
            help="The endpoint's state, as the operator reports it. An MLModel has a phase instead.",
            queries=[
                (f"max by (state) ({leader(f'mlendpoints_endpoint_state{{{NAME}}}')})", "{{state}}"),
            ],
            width=12,
        ),
        Timeline(
            title="Conditions",
            help="Conditions that are not True have an explanation in `kubectl describe mle`.",
            queries=[
                (
                    f"max by (condition, status) ({leader(f'mlendpoints_endpoint_condition{{{NAME}}}')})",
                    "{{condition}} {{status}}",
                )
            ],
            width=12,
        ),
    ),
)

ENDPOINT: Final = Board(
    uid="mlendpoints-endpoint",
    title="ML endpoint",
    help="Requests, errors, latency, capacity and updates of an endpoint, by variant and version.",
    variables=(
        Variable("namespace", _SOURCE),
        Variable("endpoint", f'{_SOURCE}{{namespace="$namespace"}}'),
        Variable("variant", f"{_SOURCE}{{{NAME}}}", every=True),
    ),
    others=(("Operator", "mlendpoints-operator"),),
    sections=(_OVERVIEW, _TRAFFIC, _LATENCY, CAPACITY, PROCESSES, CAPTURE, _UPDATES),
)
