"""etcd and kube-apiserver: the part that both kinds of cluster share. It knows no node and no network.

etcd speaks plain HTTP on the loopback and does not sync to disk: a throw-away cluster trades durability for a start
of under five seconds.
"""

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from cluster.binaries import program
from cluster.certificates import Certificates, ensure_authority, ensure_certificate
from cluster.kubeconfig import write_kubeconfig
from cluster.processes import Daemon, ensure_running, require_running
from cluster.settings import Settings
from cluster.steps import wait_until

AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


@dataclass(frozen=True)
class ApiServer:
    """Folder and addresses of one API server; ports are TCP ports of `address` and, for etcd, of the loopback."""

    folder: Path
    address: str
    port: int
    etcd_port: int
    etcd_peer_port: int
    kubernetes_address: str
    service_network: str
    audit_log: Path

    @property
    def url(self) -> str:
        """The URL for kubeconfigs."""
        return f"https://{self.address}:{self.port}"

    @property
    def kubeconfig(self) -> Path:
        """An administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    @property
    def certificates(self) -> Certificates:
        """All of the cluster's certificates."""
        return Certificates(self.folder / "certificates")


def ensure_api_server(server: ApiServer, settings: Settings) -> None:
    """Start it and return once it is ready."""
    _make_files(server)
    ensure_running(_etcd(server, settings), state=server.folder)
    ensure_running(_kube_apiserver(server, settings), state=server.folder)
    wait_until(lambda: _is_ready(server), what="the API server to be ready", seconds=60)


def _make_files(server: ApiServer) -> None:
    made = ensure_authority(server.certificates.folder)
    names = (
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "localhost",
    )
    addresses = (
        f"IP:{server.address}",
        f"IP:{server.kubernetes_address}",
        "IP:127.0.0.1",
        *(f"DNS:{name}" for name in names),
    )
    ensure_certificate(
        made, "apiserver", subject="/O=system:masters/CN=kube-apiserver", addresses=tuple(dict.fromkeys(addresses))
    )
    ensure_certificate(made, "admin", subject="/O=system:masters/CN=admin")
    write_kubeconfig(server.kubeconfig, server=server.url, made=made, party="admin")
    (server.folder / "audit-policy.json").write_text(json.dumps(AUDIT_POLICY))


def _etcd(server: ApiServer, settings: Settings) -> Daemon:
    clients = f"http://127.0.0.1:{server.etcd_port}"
    peers = f"http://127.0.0.1:{server.etcd_peer_port}"
    command = (
        program("etcd", settings),
        "--name=default",
        f"--data-dir={server.folder / 'etcd'}",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        "--unsafe-no-fsync",
        "--quota-backend-bytes=4294967296",
        "--auto-compaction-retention=5m",
        "--log-level=warn",
    )
    return Daemon("etcd", command)


def _kube_apiserver(server: ApiServer, settings: Settings) -> Daemon:
    made = server.certificates
    command = (
        program("kube-apiserver", settings),
        f"--etcd-servers=http://127.0.0.1:{server.etcd_port}",
        f"--bind-address={server.address}",
        f"--advertise-address={server.address}",
        f"--secure-port={server.port}",
        f"--service-cluster-ip-range={server.service_network}",
        f"--tls-cert-file={made.certificate('apiserver')}",
        f"--tls-private-key-file={made.key('apiserver')}",
        f"--client-ca-file={made.certificate('ca')}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-signing-key-file={made.key('sa')}",
        f"--service-account-key-file={made.key('sa')}",
        f"--kubelet-certificate-authority={made.certificate('ca')}",
        f"--kubelet-client-certificate={made.certificate('apiserver')}",
        f"--kubelet-client-key={made.key('apiserver')}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--audit-policy-file={server.folder / 'audit-policy.json'}",
        f"--audit-log-path={server.audit_log}",
        "--audit-log-mode=batch",
        "--audit-log-maxsize=200",
        "--audit-log-maxbackup=5",
        f"--endpoint-reconciler-type={_reconciler(server)}",
        "--profiling=false",
    )
    return Daemon("kube-apiserver", command)


def _reconciler(server: ApiServer) -> str:
    """A loopback address is not a valid endpoint of the `kubernetes` Service."""
    return "none" if server.address == "127.0.0.1" else "master-count"


def _is_ready(server: ApiServer) -> bool:
    for name in ("etcd", "kube-apiserver"):
        require_running(name, state=server.folder)
    made = server.certificates
    context = ssl.create_default_context(cafile=str(made.certificate("ca")))
    context.load_cert_chain(made.certificate("admin"), made.key("admin"))
    try:
        with urllib.request.urlopen(f"{server.url}/readyz", context=context, timeout=5) as answer:  # noqa: S310 - url is https
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
