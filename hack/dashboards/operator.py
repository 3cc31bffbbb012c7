"""The dashboard of the operator: what it manages, how its updates end, and whether it keeps up."""

from typing import Final

from hack.dashboards.boards import Board
from hack.dashboards.panels import Panel, Section, Stat, Timeline
from hack.dashboards.promql import RATE, leader, or_zero, quantiles, rate_by
from hack.rules import thresholds

_LIMITS: Final = thresholds()
_ENDPOINT: Final = (
    "Show the endpoint",
    "/d/mlendpoints-endpoint?var-namespace=${__field.labels.namespace}&var-endpoint=${__field.labels.endpoint}",
)


_OVERVIEW = Section(
    "Overview",
    (
        Stat(
            title="Leaders",
            help="1: an operator is working. 0: endpoints serve, but changes wait (MLOperatorNoLeader).",
            queries=[("sum(mlendpoints_leader)", "")],
        ),
        Stat(
            title="Endpoints",
            help="Endpoints that the operator manages.",
            queries=[(or_zero(f"count({leader('mlendpoints_endpoint_state')})"), "")],
        ),
        Stat(
            title="Endpoints not ready",
            help="Endpoints whose condition Ready is not True.",
            queries=[
                (
                    or_zero(
                        "count(" + leader('mlendpoints_endpoint_condition{condition="Ready", status!="True"}') + ")"
                    ),
                    "",
                )
            ],
            limit=1,
        ),
        Stat(
            title="MLModels",
            help="MLModels that the operator manages.",
            queries=[(or_zero(f"count({leader('mlendpoints_mlmodel_phase')})"), "")],
        ),
        Stat(
            title="Queue depth",
            help="Objects that wait to be reconciled. Red: MLOperatorBehind fires by default.",
            queries=[("max(mlendpoints_queue_depth)", "")],
            limit=_LIMITS["queueDepth"],
        ),
        Stat(
            title="Alerts",
            help="Alerts about endpoints, MLModels and the operator that fire.",
            queries=[(or_zero('count(ALERTS{alertname=~"ML.+", alertstate="firing"})'), "")],
            limit=1,
        ),
    ),
)
_ENDPOINTS = Section(
    "Endpoints and MLModels",
    (
        Panel(
            title="Endpoints by state",
            help="Creating, Updating and RollingBack should pass; the others stay.",
            queries=[(or_zero(f"count by (state) ({leader('mlendpoints_endpoint_state')})"), "{{state}}")],
            stacked=True,
        ),
        Panel(
            title="MLModels by phase",
            help="Failed: its conditions say how to fix it.",
            queries=[(or_zero(f"count by (phase) ({leader('mlendpoints_mlmodel_phase')})"), "{{phase}}")],
            stacked=True,
        ),
        Panel(
            title="Busiest endpoints",
            help="The ten endpoints with the most requests per second. Click one to see its dashboard.",
            queries=[
                (
                    "topk(10, sum by (namespace, endpoint) (mlendpoints:invocations:rate5m))",
                    "{{namespace}}/{{endpoint}}",
                )
            ],
            unit="reqps",
            link=_ENDPOINT,
        ),
        Timeline(
            title="Endpoints that are not in service",
            help="Endpoints in another state than InService. Click one to see its dashboard.",
            queries=[
                (
                    or_zero(
                        "max by (namespace, endpoint, state) ("
                        + leader('mlendpoints_endpoint_state{state!="InService"}')
                        + ")"
                    ),
                    "{{namespace}}/{{endpoint}} {{state}}",
                )
            ],
            width=24,
            link=_ENDPOINT,
        ),
    ),
)
_UPDATES = Section(
    "Updates",
    (
        Panel(
            title="Updates by outcome",
            help="Updates of endpoints that ended within the last hour.",
            queries=[(or_zero("sum by (outcome) (increase(mlendpoints_updates_total[1h]))"), "{{outcome}}")],
        ),
        Panel(
            title="Duration of updates",
            help="From the start of a successful update until every gateway pod was proven to serve it; last hour.",
            queries=quantiles("mlendpoints_update_seconds", "1h"),
            unit="s",
        ),
        Panel(
            title="Probes of gateway pods",
            help="Probes per second. Unexpected: a gateway pod does not have the newest routes yet.",
            queries=[(rate_by("result", "mlendpoints_probes_total"), "{{result}}")],
            unit="cps",
        ),
    ),
)
_RECONCILES = Section(
    "Reconciles",
    (
        Panel(
            title="Reconciles by result",
            help="Reconciles per second. Those that end with error or bug are retried (MLOperatorErrors).",
            queries=[(rate_by("result", "mlendpoints_reconciles_total"), "{{result}}")],
            unit="cps",
        ),
        Panel(
            title="Duration of reconciles",
            help="Includes the writes to the API server.",
            queries=quantiles("mlendpoints_reconcile_seconds"),
            unit="s",
        ),
        Panel(
            title="Queue depth",
            help="Objects that wait to be reconciled, by process. Line: MLOperatorBehind by default.",
            queries=[("mlendpoints_queue_depth", "{{instance}}")],
            limit=_LIMITS["queueDepth"],
        ),
        Panel(
            title="Event loop lag",
            help="How late a timer of the operator fires. Line: MLOperatorBlocked by default, for p99.",
            queries=quantiles("mlendpoints_event_loop_lag_seconds"),
            unit="s",
            limit=_LIMITS["operatorLagSeconds"],
        ),
        Panel(
            title="Throttled namespaces",
            help="Times per second that a namespace had used up its share of the operator (MLNamespaceThrottled).",
            queries=[
                (
                    or_zero(rate_by("namespace", "mlendpoints_namespace_throttled_total")),
                    "{{namespace}}",
                )
            ],
            unit="cps",
        ),
        Panel(
            title="Skipped objects",
            help="Objects per second that could not be decoded; their last known state is kept.",
            queries=[(or_zero(rate_by("kind", "mlendpoints_objects_skipped_total")), "{{kind}}")],
            unit="cps",
        ),
    ),
)
_REQUESTS = Section(
    "API server and process",
    (
        Panel(
            title="Requests to the API server",
            help="Requests per second, by verb.",
            queries=[(rate_by("verb", "mlendpoints_api_requests_total"), "{{verb}}")],
            unit="reqps",
        ),
        Panel(
            title="Failed requests to the API server",
            help="Requests per second that were rejected, or had no response (code 0). Conflicts (409) are retried.",
            queries=[
                (
                    or_zero(f'sum by (kind, code) (rate(mlendpoints_api_requests_total{{code!~"[123].."}}[{RATE}]))'),
                    "{{kind}} {{code}}",
                )
            ],
            unit="reqps",
        ),
        Timeline(
            title="Leader",
            help="The process that is the leader.",
            queries=[("mlendpoints_leader == 1", "{{instance}}")],
        ),
        Panel(
            title="CPU",
            help="Cores in use, by process.",
            queries=[
                (f"rate(process_cpu_seconds_total[{RATE}]) and on (instance) mlendpoints_leader", "{{instance}}"),
            ],
        ),
        Panel(
            title="Memory",
            help="Resident memory, by process.",
            queries=[("process_resident_memory_bytes and on (instance) mlendpoints_leader", "{{instance}}")],
            unit="bytes",
        ),
    ),
)

OPERATOR: Final = Board(
    uid="mlendpoints-operator",
    title="ML endpoints: operator",
    help="What the mlendpoints operator manages, how updates end, and whether it keeps up.",
    others=(("Endpoint", "mlendpoints-endpoint"),),
    sections=(_OVERVIEW, _ENDPOINTS, _UPDATES, _RECONCILES, _REQUESTS),
)
