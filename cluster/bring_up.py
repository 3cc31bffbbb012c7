"""`up`: from a bare machine to a ready node with DNS, istiod, two gateway pods, add-ons. Every step is idempotent."""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cluster.apiserver import ApiServer, ensure_api_server
from cluster.binaries import ALL, ensure_built
from cluster.controllers import ensure_controllers, ensure_scheduler
from cluster.dns import ensure_dns, wait_for_dns
from cluster.errors import ClusterError
from cluster.images import ensure_images, ensure_loaded
from cluster.istio import install_gateway, install_istio
from cluster.kubectl import kubectl
from cluster.locks import cluster_lock
from cluster.network import ensure_network
from cluster.node import NODE_NAME, ensure_containerd, ensure_node
from cluster.packages import ensure_packages
from cluster.preflight import check_machine, check_neighbours
from cluster.prometheus import ensure_prometheus_image, install_prometheus, prometheus_url
from cluster.settings import Settings
from cluster.steps import step, wait_until

PROMETHEUS = "prometheus"
ADDONS = (PROMETHEUS,)


def bring_up(settings: Settings, addons: Sequence[str] = ()) -> None:
    """Run all steps; each is idempotent. One `up` at a time."""
    with step("Checking the machine"):
        check_machine(settings)
    with cluster_lock(settings):
        check_neighbours(settings)
        ensure_packages()
        ensure_built(settings, ALL)
        archives = ensure_images(settings)
        if PROMETHEUS in addons:
            archives.append(ensure_prometheus_image(settings))
        _start(settings, archives)
        if PROMETHEUS in addons:
            with step("Installing Prometheus"):
                install_prometheus(settings)
            print(f"Prometheus: {prometheus_url(settings)}", file=sys.stderr)


def _start(settings: Settings, archives: list[Path]) -> None:
    settings.state.mkdir(parents=True, exist_ok=True)
    server = api_server(settings)
    with step("Making the bridge"):
        ensure_network(settings)
    with step("Starting the control plane and containerd, loading images"), ThreadPoolExecutor() as workers:
        loading = workers.submit(_start_containerd, settings, archives)
        _start_control_plane(server, settings)
        loading.result()
    with step("Starting kubelet and kube-proxy"):
        ensure_node(server, settings)
        _wait_for_node(settings)
    with step("Installing CoreDNS and istiod"):
        ensure_dns(settings)
        install_istio(settings)
        wait_for_dns(settings)
    with step("Installing the ingress gateway"):
        install_gateway(settings)


def api_server(settings: Settings) -> ApiServer:
    """The whole cluster's API server: it listens on the bridge, reachable by pods but not from outside."""
    return ApiServer(
        folder=settings.state,
        address=settings.node_address,
        port=6443,
        etcd_port=2379,
        etcd_peer_port=2380,
        kubernetes_address=settings.kubernetes_address,
        service_network=str(settings.services),
        audit_log=settings.state / "logs" / "audit.log",
    )


def _start_control_plane(server: ApiServer, settings: Settings) -> None:
    ensure_api_server(server, settings)
    ensure_controllers(server, settings)
    ensure_scheduler(server, settings)


def _start_containerd(settings: Settings, archives: list[Path]) -> None:
    ensure_containerd(settings)
    ensure_loaded(settings, archives)


def _wait_for_node(settings: Settings) -> None:
    def is_registered() -> bool:
        try:
            return bool(kubectl(settings, "get", "node", NODE_NAME, "--ignore-not-found", "--output=name"))
        except ClusterError:
            return False

    wait_until(is_registered, what=f"kubelet to register the node (see {settings.state}/logs/kubelet.log)", seconds=60)
    kubectl(settings, "wait", "--for=condition=Ready", f"node/{NODE_NAME}", "--timeout=60s")
