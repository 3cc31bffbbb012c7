"""`control-plane up|down`: only etcd and kube-apiserver, several side by side, for tests and benchmarks of the API."""

import json
import shutil
from pathlib import Path

from cluster.apiserver import ApiServer, ensure_api_server
from cluster.binaries import ADDONS, CONTROL_PLANE, ensure_built, program
from cluster.commands import run
from cluster.controllers import ensure_controllers
from cluster.errors import ClusterError
from cluster.ports import free_ports
from cluster.processes import end_processes
from cluster.settings import Settings
from cluster.steps import step

PORTS = ("port", "etcd_port", "etcd_peer_port", "controllers_port")


def control_plane_up(settings: Settings, folder: Path, *, istio_crds: bool, controllers: tuple[str, ...]) -> Path:
    """Bring one up in `folder`, idempotently, and return its kubeconfig. Needs no root, and of Debian only openssl.

    Of kube-controller-manager run the `controllers` named; none: it is not started.
    """
    ensure_built(settings, (*CONTROL_PLANE, *((ADDONS,) if istio_crds else ())))
    ports = _ports(folder)
    server = _server(folder, ports)
    with step("Starting etcd and kube-apiserver"):
        ensure_api_server(server, settings)
    if controllers:
        with step("Starting kube-controller-manager"):
            ensure_controllers(server, settings, only=controllers, port=ports["controllers_port"])
    if istio_crds:
        with step("Installing Istio's CRDs"):
            install_istio_crds(settings, server.kubeconfig)
    return server.kubeconfig


def control_plane_down(folder: Path) -> None:
    """Stop its processes and remove the folder."""
    if folder.exists() and any(folder.iterdir()) and not _ports_file(folder).exists():
        raise ClusterError(f"{folder} contains no control plane; use the same folder as for `control-plane up`.")
    end_processes(folder)
    shutil.rmtree(folder, ignore_errors=True)


def install_istio_crds(settings: Settings, kubeconfig: Path) -> None:
    """Server-side, since the last-applied annotation would be too long for some of them."""
    crds = ADDONS.folder(settings) / "charts/base/files/crd-all.gen.yaml"
    kubectl = (program("kubectl", settings), f"--kubeconfig={kubeconfig}")
    run(*kubectl, "apply", "--server-side", "--force-conflicts", f"--filename={crds}")
    run(*kubectl, "wait", "--for=condition=Established", "--timeout=30s", f"--filename={crds}")


def _server(folder: Path, ports: dict[str, int]) -> ApiServer:
    return ApiServer(
        folder=folder,
        address="127.0.0.1",
        port=ports["port"],
        etcd_port=ports["etcd_port"],
        etcd_peer_port=ports["etcd_peer_port"],
        kubernetes_address="10.96.0.1",
        service_network="10.96.0.0/16",
        audit_log=folder / "audit.log",
    )


def _ports_file(folder: Path) -> Path:
    return folder / "ports.json"


def _ports(folder: Path) -> dict[str, int]:
    file = _ports_file(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.write_text(json.dumps(dict(zip(PORTS, free_ports(len(PORTS)), strict=True))))
    ports: dict[str, int] = json.loads(file.read_text())
    return ports
