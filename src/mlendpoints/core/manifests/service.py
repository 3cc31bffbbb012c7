"""Services of model instances, which the routes name."""

from mlendpoints.api.model import Model
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.metadata import instance_labels, instance_of, make_metadata, pod_selector

PORT = 80


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
