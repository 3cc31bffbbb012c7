"""The DestinationRule of a model instance: how gateways connect to its pods. No subsets."""

from mlendpoints.api.model import Model
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.metadata import instance_labels, instance_of, make_metadata


def make_destination_rule(instance: Model) -> Manifest:
    """Gateways close idle connections (30 s) before the pod's nginx does (65 s), so none closes while it is reused.

    The host is short: Istio completes it by the rule's namespace and the cluster's own domain.
    """
    name = instance.metadata.name
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": make_metadata(name, instance, object_labels=instance_labels(name, instance_of(instance))),
        "spec": {
            "host": name,
            "trafficPolicy": {
                "loadBalancer": {"simple": "LEAST_REQUEST"},
                "connectionPool": {"http": {"idleTimeout": "30s"}},
            },
        },
    }
