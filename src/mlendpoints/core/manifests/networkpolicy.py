"""The NetworkPolicy of an endpoint: who reaches its pods, where the cluster's network enforces that.

Callers come through the gateway alone, to the pods' proxies; readers of metrics
to the monitoring port. Kubelets reach the pods of their node in any case, so
that probes work. Egress is left to other policies.
"""

from mlendpoints.api import labels
from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.monitoring import METRICS_PORT
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.containers import PROXY_PORT
from mlendpoints.core.manifests.metadata import endpoint_labels, make_metadata
from mlendpoints.core.world import Settings

NAMESPACE_NAME = "kubernetes.io/metadata.name"  # Kubernetes' own label of every namespace


def network_policy_name(endpoint: str) -> str:
    """Name of an endpoint's NetworkPolicy."""
    return f"{endpoint}-models"


def make_network_policy(endpoint: Endpoint, settings: Settings) -> Manifest:
    """Of all pods of the endpoint's versions; pods of MLModels carry no endpoint's label."""
    name = endpoint.metadata.name
    selector = {labels.ENDPOINT: name, labels.COMPONENT: "model", labels.MANAGED_BY: labels.MANAGER}
    metrics = [_allow([dict(peer) for peer in settings.metrics_from], METRICS_PORT)] if settings.metrics_from else []
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": make_metadata(network_policy_name(name), endpoint, object_labels=endpoint_labels(endpoint)),
        "spec": {
            "podSelector": {"matchLabels": selector},
            "policyTypes": ["Ingress"],
            "ingress": [_allow([_gateways(settings)], PROXY_PORT), *metrics],
        },
    }


def _gateways(settings: Settings) -> Manifest:
    namespace, _, _ = settings.gateway_service.partition("/")
    return {
        "namespaceSelector": {"matchLabels": {NAMESPACE_NAME: namespace}},
        "podSelector": {"matchLabels": dict(settings.gateway_selector)},
    }


def _allow(peers: list[Manifest], port: int) -> Manifest:
    return {"from": peers, "ports": [{"protocol": "TCP", "port": port}]}
