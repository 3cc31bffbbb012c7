"""Istio by its own Helm charts: base, istiod, and an ingress gateway with two replicas.

The proxy is plain Envoy, not Istio's fork, so the filters that only the fork has are switched off. Requests are
lowered to fit a small machine.
"""

import json

from cluster.binaries import ADDONS
from cluster.commands import run
from cluster.kubectl import kubectl
from cluster.settings import Settings

ISTIOD = ("istiod", "istio-system")
GATEWAY = ("istio-ingressgateway", "istio-ingress")
SMALL = {"requests": {"cpu": "10m", "memory": "64Mi"}}
ISTIOD_VALUES = {
    "autoscaleEnabled": False,
    "resources": SMALL,
    "env": {"PILOT_ENABLE_ALPN_FILTER": "false", "PILOT_ENABLE_METADATA_EXCHANGE": "false"},
    "telemetry": {"enabled": False},
    "global": {
        "hub": "localhost",
        "tag": "dev",
        "imagePullPolicy": "Never",
        "proxy": {"resources": SMALL},
        "proxy_init": {"resources": SMALL},
    },
}
GATEWAY_VALUES = {
    "replicaCount": 2,
    "autoscaling": {"enabled": False},
    "imagePullPolicy": "Never",
    "resources": SMALL,
    "service": {"type": "ClusterIP"},
}


def install_istio(settings: Settings) -> None:
    """Install CRDs, istiod and the gateway; each must be ready before the next one's webhooks and pods."""
    _install(settings, "base", release=("istio-base", "istio-system"), values={})
    _install(settings, "istiod", release=ISTIOD, values=ISTIOD_VALUES)
    _wait(settings, *ISTIOD)


def install_gateway(settings: Settings) -> None:
    """Install the ingress gateway and return when both of its pods are ready."""
    _install(settings, "gateway", release=GATEWAY, values=GATEWAY_VALUES)
    _wait(settings, *GATEWAY)


def _install(settings: Settings, chart: str, *, release: tuple[str, str], values: dict[str, object]) -> None:
    name, namespace = release
    helm = ADDONS.folder(settings) / "helm"
    folder = ADDONS.folder(settings) / "charts" / chart
    target = (f"--kubeconfig={settings.kubeconfig}", f"--namespace={namespace}", "--create-namespace")
    run(
        helm,
        "upgrade",
        "--install",
        name,
        folder,
        *target,
        "--values=-",
        stdin=json.dumps(values),
        env=_helm_folders(settings),
    )


def _wait(settings: Settings, deployment: str, namespace: str) -> None:
    kubectl(settings, "rollout", "status", f"deployment/{deployment}", f"--namespace={namespace}", "--timeout=180s")


def _helm_folders(settings: Settings) -> dict[str, str]:
    """Helm must neither read nor write the user's own configuration."""
    return {f"HELM_{kind}_HOME": str(settings.state / "helm" / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
