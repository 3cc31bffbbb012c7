"""`status`: what runs, where things are, and the gateway's addresses."""

from cluster.bring_up import api_server
from cluster.errors import ClusterError
from cluster.istio import GATEWAY
from cluster.kubectl import kubectl
from cluster.processes import find_pids, log_path
from cluster.prometheus import prometheus_url
from cluster.settings import Settings

DAEMONS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "containerd", "kubelet", "kube-proxy")
ADDRESSES = '{range .items[*]}{.status.podIP}{.spec.clusterIP}{" "}{end}'


def status_lines(settings: Settings) -> list[str]:
    """One `name: value` line for each fact."""
    daemons = (f"{name}: {_state_of(name, settings)}" for name in DAEMONS)
    return [*_paths(settings), *daemons, *_gateway(settings), f"prometheus: {prometheus_url(settings) or 'none'}"]


def is_running(settings: Settings) -> bool:
    """Whether every daemon runs."""
    return all(find_pids(settings.state, name) for name in DAEMONS)


def _paths(settings: Settings) -> list[str]:
    paths = {
        "kubeconfig": settings.kubeconfig,
        "audit log": api_server(settings).audit_log,
        "logs": log_path(settings.state, "").parent,
        "cache": settings.cache,
    }
    return [f"{name}: {path}" for name, path in paths.items()]


def _state_of(name: str, settings: Settings) -> str:
    pids = find_pids(settings.state, name)
    return f"running, pid {pids[0]}" if pids else "not running"


def _gateway(settings: Settings) -> list[str]:
    return [
        f"gateway {what}: {_addresses(settings, kind)}" for what, kind in (("pods", "pods"), ("service", "services"))
    ]


def _addresses(settings: Settings, kind: str) -> str:
    name, namespace = GATEWAY
    try:
        found = kubectl(
            settings,
            "get",
            kind,
            f"--namespace={namespace}",
            f"--selector=app={name}",
            f"--output=jsonpath={ADDRESSES}",
        )
    except ClusterError:
        return "unknown"
    return found.strip() or "none"
