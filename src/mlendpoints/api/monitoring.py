"""What the operator writes for Prometheus: port and path, annotations of Services, relabelings of PodMonitors.

The admission policy about the operator allows exactly this.
"""

from collections.abc import Mapping
from typing import Final

METRICS_PORT: Final = 9090
METRICS_PATH: Final = "/metrics"
PORT_NAME: Final = "metrics"  # of the Service, and of the pods' container
POD_MONITOR: Final = "PodMonitor"
SAMPLE_LIMIT: Final = 5000  # of a pod: above the statuses, buckets and processes that nginx can count

MONITORING_URL: Final = (
    "Where to see its metrics, such as a dashboard, by the operator's settings."
    " By default the metrics of its pods, reachable inside the cluster only."
)

# By convention: https://github.com/prometheus-community/helm-charts/tree/main/charts/prometheus
SCRAPE: Final = "prometheus.io/scrape"  # "true" or "false"
WHERE: Final[Mapping[str, str]] = {
    "prometheus.io/scheme": "http",
    "prometheus.io/path": METRICS_PATH,
    "prometheus.io/port": str(METRICS_PORT),
}

# The Prometheus operator gives targets a label `endpoint`, with the name of the port. Without it, the endpoint's name
# stays in the metrics' own label. Honoring all of their labels instead would let a model that binds the port first
# choose its namespace, and so be taken for another tenant's.
RELABELINGS: Final[tuple[Mapping[str, str], ...]] = ({"action": "labeldrop", "regex": "endpoint"},)
