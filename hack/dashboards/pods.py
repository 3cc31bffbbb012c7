"""The sections of an endpoint's dashboard about its pods: capacity, processes, capture."""

from typing import Final

from hack.dashboards.panels import Panel, Section
from hack.dashboards.promql import WHERE, or_zero, rate_by
from hack.rules import thresholds

_LIMITS: Final = thresholds()
_VERSION: Final = "{{variant}} {{version}}"
CAPACITY: Final = Section(
    "Capacity",
    (
        Panel(
            title="Instances by version",
            help="Pods that are scraped, including those that are draining or kept without traffic.",
            queries=[(f"count by (variant, version) (mlendpoints_requests_in_flight{WHERE})", _VERSION)],
            stacked=True,
        ),
        Panel(
            title="Invocations per instance",
            help="Requests per second and pod, by variant.",
            queries=[(f"mlendpoints:invocations_per_instance:rate5m{WHERE}", "{{variant}}")],
            unit="reqps",
        ),
        Panel(
            title="Requests in flight",
            help="Requests that model servers are processing or have queued, by version.",
            queries=[(f"sum by (variant, version) (mlendpoints_requests_in_flight{WHERE})", _VERSION)],
        ),
        Panel(
            title="Concurrent requests per instance",
            help="Of each variant's busiest pod; it rejects them beyond 1,000. Line: MLEndpointSaturated.",
            queries=[(f"mlendpoints:concurrent_requests_per_instance:max{WHERE}", "{{variant}}")],
            limit=_LIMITS["concurrentRequests"],
        ),
        Panel(
            title="CPU utilization",
            help="CPU of the model as a share of what it requests, mean of the pods. Above 100 % if it uses more.",
            queries=[(f"mlendpoints:cpu_utilization:ratio_rate5m{WHERE}", "{{variant}}")],
            unit="percentunit",
        ),
        Panel(
            title="Memory utilization",
            help="Memory of the model as a share of its limit, at which it is killed; mean of the pods.",
            queries=[(f"mlendpoints:memory_utilization:ratio{WHERE}", "{{variant}}")],
            unit="percentunit",
            limit=1,
        ),
    ),
)
_BY_PROCESS = "{{variant}} {{process}}"
PROCESSES: Final = Section(
    "Processes (with the monitoring sidecar)",
    (
        Panel(
            title="CPU of processes",
            help="Cores in use, by variant: the model, nginx, and other processes of the pod.",
            queries=[
                (
                    rate_by("variant, process", f"mlendpoints_process_cpu_seconds_total{WHERE}"),
                    _BY_PROCESS,
                )
            ],
        ),
        Panel(
            title="Memory of processes",
            help="Resident memory, by variant.",
            queries=[(f"sum by (variant, process) (mlendpoints_process_memory_bytes{WHERE})", _BY_PROCESS)],
            unit="bytes",
        ),
        Panel(
            title="IO of processes",
            help="Bytes per second that are read from and written to storage, by variant.",
            queries=[
                (
                    rate_by("variant, process", f"mlendpoints_process_{verb}_bytes_total{WHERE}"),
                    f"{_BY_PROCESS} {verb}",
                )
                for verb in ("read", "written")
            ],
            unit="Bps",
        ),
        Panel(
            title="Threads",
            help="Threads, by variant.",
            queries=[(f"sum by (variant, process) (mlendpoints_process_threads{WHERE})", _BY_PROCESS)],
        ),
        Panel(
            title="Open files",
            help="Open files and connections, by variant.",
            queries=[(f"sum by (variant, process) (mlendpoints_process_open_files{WHERE})", _BY_PROCESS)],
        ),
    ),
)
CAPTURE: Final = Section(
    "Capture",
    (
        Panel(
            title="Captured records",
            help="Records per second: captured, left out of the sample, or dropped, with the reason.",
            queries=[
                (
                    rate_by("variant, result, reason", f"mlendpoints_capture_records_total{WHERE}"),
                    "{{variant}} {{result}} {{reason}}",
                )
            ],
            unit="cps",
        ),
        Panel(
            title="Shipped and lost records",
            help="Records per second that have reached the sink, and those that are lost, with the reason.",
            queries=[
                (rate_by("variant", f"mlendpoints_capture_shipped_total{WHERE}"), "{{variant}} shipped"),
                (
                    or_zero(rate_by("variant, reason", f"mlendpoints_capture_lost_total{WHERE}")),
                    "{{variant}} lost {{reason}}",
                ),
            ],
            unit="cps",
        ),
        Panel(
            title="Spool",
            help="Bytes that wait in the pods to be shipped, by variant. They grow while the sink is slow or down.",
            queries=[(f"sum by (variant) (mlendpoints_capture_spool_bytes{WHERE})", "{{variant}}")],
            unit="bytes",
        ),
        Panel(
            title="Sink",
            help="Share of the pods whose sink accepted what was last sent to it, by variant.",
            queries=[(f"avg by (variant) (mlendpoints_capture_sink_up{WHERE})", "{{variant}}")],
            unit="percentunit",
            maximum=1,
        ),
    ),
)
