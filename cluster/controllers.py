"""kube-controller-manager, and for a whole cluster kube-scheduler."""

from cluster.apiserver import ApiServer
from cluster.binaries import program
from cluster.certificates import ensure_certificate
from cluster.kubeconfig import write_kubeconfig
from cluster.processes import Daemon, ensure_running
from cluster.settings import Settings

WITHOUT_NODES = (
    "clusterrole-aggregation-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
)
WORKLOADS = (
    *WITHOUT_NODES,
    "deployment-controller",
    "endpointslice-controller",
    "job-controller",
    "persistentvolumeclaim-protection-controller",
    "replicaset-controller",
)


def ensure_controllers(
    server: ApiServer, settings: Settings, *, only: tuple[str, ...] = ("*",), port: int = 10257
) -> None:
    """Run the controllers named in `only`. Reaction times are shortened: the cluster is small."""
    made = server.certificates
    kubeconfig = _identity(server, "kube-controller-manager")
    command = (
        program("kube-controller-manager", settings),
        f"--kubeconfig={kubeconfig}",
        f"--controllers={','.join(only)}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={made.key('sa')}",
        f"--root-ca-file={made.certificate('ca')}",
        f"--cluster-signing-cert-file={made.certificate('ca')}",
        f"--cluster-signing-key-file={made.key('ca')}",
        "--leader-elect=false",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    )
    ensure_running(Daemon("kube-controller-manager", command), state=server.folder)


def ensure_scheduler(server: ApiServer, settings: Settings) -> None:
    """Run the scheduler."""
    command = (
        program("kube-scheduler", settings),
        f"--kubeconfig={_identity(server, 'kube-scheduler')}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    )
    ensure_running(Daemon("kube-scheduler", command), state=server.folder)


def _identity(server: ApiServer, name: str) -> str:
    ensure_certificate(server.certificates, name, subject=f"/CN=system:{name}")
    path = server.folder / "config" / f"{name}.kubeconfig"
    write_kubeconfig(path, server=server.url, made=server.certificates, party=name)
    return str(path)
