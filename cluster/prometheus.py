"""The add-on Prometheus: Debian's, with the configuration and the rules of `deploy/monitoring`.

It keeps little data, in memory and in its pod, and forgets it when its configuration changes.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from cluster.archives import Image
from cluster.base import ensure_root_file_system
from cluster.errors import ClusterError
from cluster.images import write_image
from cluster.kubectl import apply, kubectl
from cluster.settings import Settings

Manifest = dict[str, object]
NAMESPACE = "monitoring"  # whose pods may read the operator's metrics
NAME = "prometheus"
IMAGE = "localhost/prometheus:dev"
SUITE = "trixie"  # bookworm's cannot discover Kubernetes' Services
PACKAGES = ("base-files", "prometheus")  # base-files has the link from /lib64 to /usr
PORT = 9090
KEPT = ("--storage.tsdb.retention.time=6h", "--storage.tsdb.retention.size=256MB")
CONFIGURATION = Path(__file__).parent.parent / "deploy" / "monitoring"
FILES = ("prometheus.yaml", "rules.yaml")
_LABELS = {"app.kubernetes.io/name": NAME}


def ensure_prometheus_image(settings: Settings) -> Path:
    """The archive of its image."""
    base = ensure_root_file_system(settings, PACKAGES, SUITE)
    image = Image(IMAGE, [base], {"Entrypoint": ["/usr/bin/prometheus"], "User": "65534:65534"})
    return write_image(settings, f"{NAME}-{base.stem}", image, [])


def install_prometheus(settings: Settings) -> None:
    """Install it and return when it is ready."""
    start_prometheus(settings, {name: (CONFIGURATION / name).read_text() for name in FILES})


def start_prometheus(settings: Settings, files: Mapping[str, str], namespace: str = NAMESPACE) -> None:
    """Start, or change, the one of a namespace; its folder has these files, `prometheus.yaml` among them."""
    apply(settings, *_manifests(files, namespace))
    kubectl(settings, "rollout", "status", f"deployment/{NAME}", f"--namespace={namespace}", "--timeout=120s")


def remove_prometheus(settings: Settings, namespace: str) -> None:
    """Remove it and its namespace; does not wait."""
    for what in ("clusterrolebinding", "clusterrole"):
        kubectl(settings, "delete", what, f"{NAME}-{namespace}", "--ignore-not-found")
    kubectl(settings, "delete", "namespace", namespace, "--ignore-not-found", "--wait=false")


def prometheus_url(settings: Settings, namespace: str = NAMESPACE) -> str:
    """Where it answers, for this machine and for pods; empty where it is not installed."""
    what = ("get", "service", NAME, f"--namespace={namespace}", "--ignore-not-found")
    try:
        address = kubectl(settings, *what, "--output=jsonpath={.spec.clusterIP}")
    except ClusterError:
        return ""
    return f"http://{address}:{PORT}" if address else ""


def _manifests(files: Mapping[str, str], namespace: str) -> tuple[Manifest, ...]:
    return (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        *_identity(namespace),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata(namespace), "data": files},
        _deployment(namespace, hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:16]),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": _metadata(namespace),
            "spec": {"selector": _LABELS, "ports": [{"name": "http", "port": PORT, "targetPort": "http"}]},
        },
    )


def _metadata(namespace: str) -> Manifest:
    return {"name": NAME, "namespace": namespace, "labels": _LABELS}


def _identity(namespace: str) -> tuple[Manifest, ...]:
    group, role = "rbac.authorization.k8s.io", f"{NAME}-{namespace}"
    reads = ["list", "watch"]
    return (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata(namespace)},
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": role},
            "rules": [
                {"apiGroups": [""], "resources": ["services", "pods", "nodes"], "verbs": ["get", *reads]},
                {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", *reads]},
                {"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]},
            ],
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": role},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}],
        },
    )


def _deployment(namespace: str, digest: str) -> Manifest:
    pod = {
        "serviceAccountName": NAME,
        "securityContext": {"runAsUser": 65534, "runAsGroup": 65534, "fsGroup": 65534, "runAsNonRoot": True},
        "containers": [_container()],
        "volumes": [
            {"name": "configuration", "configMap": {"name": NAME}},
            {"name": "data", "emptyDir": {"sizeLimit": "1Gi"}},
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(namespace),
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": _LABELS},
            "template": {
                "metadata": {"labels": _LABELS, "annotations": {"mlendpoints.dev/configuration": digest}},
                "spec": pod,
            },
        },
    }


def _container() -> Manifest:
    folders = ("--config.file=/etc/prometheus/prometheus.yaml", "--storage.tsdb.path=/prometheus")
    return {
        "name": NAME,
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "args": [*folders, *KEPT],
        "ports": [{"name": "http", "containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": "http"}, "periodSeconds": 1},
        "livenessProbe": {"httpGet": {"path": "/-/healthy", "port": "http"}},
        "resources": {"requests": {"cpu": "20m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [
            {"name": "configuration", "mountPath": "/etc/prometheus"},
            {"name": "data", "mountPath": "/prometheus"},
        ],
    }
