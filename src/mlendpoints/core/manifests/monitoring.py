"""How Prometheus finds the pods of an endpoint or MLModel: the annotations of a headless Service, or a PodMonitor.

Which of the two Prometheus is to use is decided in ``core.discovery``.
"""

from typing import Final

from mlendpoints.api import labels
from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.monitoring import (
    METRICS_PATH,
    METRICS_PORT,
    POD_MONITOR,
    PORT_NAME,
    RELABELINGS,
    SAMPLE_LIMIT,
    SCRAPE,
    WHERE,
)
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.metadata import endpoint_labels, make_metadata, mlmodel_labels
from mlendpoints.core.world import Settings

Root = Endpoint | MLModel

_FREQUENT: Final = 30  # seconds; the rules need several scrapes in five minutes
_SCRAPES_OF_A_DRAIN: Final = 3


def metrics_name(root: Root) -> str:
    """Name of the Service and the PodMonitor; an endpoint and an MLModel may have the same name."""
    return f"{root.metadata.name}-{'metrics' if isinstance(root, Endpoint) else 'monitor'}"


def make_monitoring_service(root: Root, *, scraped: bool) -> Manifest:
    """A headless Service of all pods, ready or not: a pod that drains is scraped to its end.

    The annotations are always there: server-side apply removes no field that was created by another request.
    """
    metadata = make_metadata(metrics_name(root), root, object_labels=_labels(root))
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata | {"annotations": {SCRAPE: "true" if scraped else "false", **WHERE}},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": pods_of(root),
            "ports": [{"name": PORT_NAME, "port": METRICS_PORT, "targetPort": PORT_NAME, "appProtocol": "http"}],
        },
    }


def make_pod_monitor(root: Root, settings: Settings) -> Manifest:
    """A PodMonitor with only fields that the CRD of each release has: apply rejects unknown ones."""
    object_labels = dict(settings.pod_monitor_labels) | _labels(root)
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": POD_MONITOR,
        "metadata": make_metadata(metrics_name(root), root, object_labels=object_labels),
        "spec": {
            "selector": {"matchLabels": pods_of(root)},
            "sampleLimit": SAMPLE_LIMIT,
            "podMetricsEndpoints": [
                {
                    "port": PORT_NAME,
                    "path": METRICS_PATH,
                    "interval": f"{scrape_seconds(settings)}s",
                    "relabelings": [dict(relabeling) for relabeling in RELABELINGS],
                }
            ],
        },
    }


def pods_of(root: Root) -> dict[str, str]:
    """Selects the serving pods of all versions, and of an MLModel none that download."""
    if isinstance(root, Endpoint):
        return {labels.ENDPOINT: root.metadata.name, labels.MANAGED_BY: labels.MANAGER}
    return {labels.MLMODEL: root.metadata.name, labels.COMPONENT: "mlmodel", labels.MANAGED_BY: labels.MANAGER}


def scrape_seconds(settings: Settings) -> int:
    """Every drained pod is scraped several times after its last request was routed to it."""
    return settings.scrape_seconds or max(1, min(settings.drain_seconds // _SCRAPES_OF_A_DRAIN, _FREQUENT))


def _labels(root: Root) -> dict[str, str]:
    return endpoint_labels(root) if isinstance(root, Endpoint) else mlmodel_labels(root)
