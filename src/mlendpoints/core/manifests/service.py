"""Services: one for each model instance, which the routes name, and one for an endpoint's metrics."""

from mlendpoints.api import labels
from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.model import Model
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.metadata import (
    endpoint_labels,
    instance_labels,
    instance_of,
    make_metadata,
    pod_selector,
)

PORT = 80
METRICS_PORT = 9090


def make_service(instance: Model) -> Manifest:
    """The Service of a model instance: immutable, so no route is ever re-pointed."""
    name = instance.metadata.name
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": make_metadata(name, instance, object_labels=instance_labels(name, instance_of(instance))),
        "spec": make_service_spec(name),
    }


def make_service_spec(name: str) -> Manifest:
    """Leads to the proxies of the pods of the model instance, or MLModel, called ``name``, and so to their ``port``."""
    return {
        "type": "ClusterIP",
        "selector": pod_selector(name),
        "ports": [{"name": "http", "port": PORT, "targetPort": "http", "appProtocol": "http"}],
    }


def monitoring_name(endpoint: str) -> str:
    """Name of the Service of an endpoint's metrics."""
    return f"{endpoint}-metrics"


def make_monitoring_service(endpoint: Endpoint) -> Manifest:
    """A headless Service of all pods of an endpoint, ready or not; inside the cluster only."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": make_metadata(
            monitoring_name(endpoint.metadata.name), endpoint, object_labels=endpoint_labels(endpoint)
        ),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {labels.ENDPOINT: endpoint.metadata.name, labels.MANAGED_BY: labels.MANAGER},
            "ports": [{"name": "metrics", "port": METRICS_PORT, "targetPort": "metrics", "appProtocol": "http"}],
        },
    }
