"""The one node: containerd, kubelet and kube-proxy, each with all of its folders below the state folder.

Each odd-looking setting has a reason; `docs/how-to/local-cluster.md` lists what went wrong without it.
"""

import hashlib
import json
import os
from pathlib import Path

from cluster.apiserver import ApiServer
from cluster.binaries import program
from cluster.certificates import ensure_certificate
from cluster.cgroups import ensure_control_group
from cluster.commands import succeeds
from cluster.kubeconfig import write_kubeconfig
from cluster.network import cni_folder
from cluster.processes import Daemon, ensure_running, require_running
from cluster.settings import Settings
from cluster.steps import wait_until

NODE_NAME = "mlendpoints"
PAUSE_IMAGE = "localhost/pause:dev"
CAP_SYS_RESOURCE = 24


def containerd_socket(settings: Settings) -> Path:
    """Where containerd of this cluster, and no other, listens."""
    return settings.state / "run" / "containerd.sock"


def ensure_containerd(settings: Settings) -> None:
    """Run containerd and return when it answers."""
    configuration = _write(settings, "containerd.toml", _containerd_configuration(settings))
    ensure_running(Daemon("containerd", ("containerd", f"--config={configuration}")), state=settings.state)
    wait_until(lambda: _containerd_answers(settings), what="containerd to answer", seconds=30)


def ensure_node(server: ApiServer, settings: Settings) -> None:
    """Run kubelet and kube-proxy. The node becomes Ready a little later."""
    ensure_control_group(settings)
    ensure_running(_kubelet(server, settings), state=settings.state)
    ensure_running(_kube_proxy(server, settings), state=settings.state)


def _containerd_answers(settings: Settings) -> bool:
    require_running("containerd", state=settings.state)
    return succeeds("ctr", f"--address={containerd_socket(settings)}", "version")


def _containerd_configuration(settings: Settings) -> str:
    return f"""\
version = 2
root = "{settings.state}/containerd"
state = "{settings.state}/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "{containerd_socket(settings)}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = {str(not _may_lower_oom_scores()).lower()}
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{cni_folder(settings)}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""


def _may_lower_oom_scores() -> bool:
    """Root in a container or a small virtual machine may lack the capability."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return bool(int(status["CapEff"], 16) >> CAP_SYS_RESOURCE & 1)


def _kubelet(server: ApiServer, settings: Settings) -> Daemon:
    made = server.certificates
    ensure_certificate(
        made,
        "kubelet",
        subject=f"/O=system:nodes/CN=system:node:{NODE_NAME}",
        addresses=(f"IP:{settings.node_address}", f"DNS:{NODE_NAME}"),
    )
    kubeconfig = settings.state / "config" / "kubelet.kubeconfig"
    write_kubeconfig(kubeconfig, server=server.url, made=made, party="kubelet")
    command = (
        program("kubelet", settings),
        f"--kubeconfig={kubeconfig}",
        f"--config={_write(settings, 'kubelet.json', json.dumps(_kubelet_configuration(server, settings)))}",
        f"--root-dir={settings.state / 'kubelet'}",
        f"--hostname-override={NODE_NAME}",
        f"--node-ip={settings.node_address}",
    )
    return Daemon("kubelet", command, {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"})


def _kubelet_configuration(server: ApiServer, settings: Settings) -> dict[str, object]:
    made = server.certificates
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": settings.node_address,
        "healthzPort": 0,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(made.certificate("ca"))},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(made.certificate("kubelet")),
        "tlsPrivateKeyFile": str(made.key("kubelet")),
        "containerRuntimeEndpoint": f"unix://{containerd_socket(settings)}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{settings.name}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "localStorageCapacityIsolation": False,
        "clusterDNS": [settings.dns_address],
        "clusterDomain": "cluster.local",
        "podLogsDir": str(settings.state / "pods"),
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {
            "memory.available": "0%",
            "nodefs.available": "0%",
            "nodefs.inodesFree": "0%",
            "imagefs.available": "0%",
        },
        "maxPods": 250,
        "kubeAPIQPS": 100,
        "kubeAPIBurst": 200,
        "registryPullQPS": 0,
        "serializeImagePulls": False,
        "nodeStatusUpdateFrequency": "5s",
        "syncFrequency": "10s",
        "volumePluginDir": str(settings.state / "kubelet" / "volumeplugins"),
    }


def _kube_proxy(server: ApiServer, settings: Settings) -> Daemon:
    made = server.certificates
    ensure_certificate(made, "kube-proxy", subject="/CN=system:kube-proxy")
    kubeconfig = settings.state / "config" / "kube-proxy.kubeconfig"
    write_kubeconfig(kubeconfig, server=server.url, made=made, party="kube-proxy")
    configuration = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "hostnameOverride": NODE_NAME,
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "clusterCIDR": str(settings.pods),
        "bindAddress": settings.node_address,
        "healthzBindAddress": f"{settings.node_address}:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "iptables": {"minSyncPeriod": "100ms"},
        "nodePortAddresses": ["primary"],
    }
    command = (
        program("kube-proxy", settings),
        f"--config={_write(settings, 'kube-proxy.json', json.dumps(configuration))}",
    )
    return Daemon("kube-proxy", command)


def _write(settings: Settings, name: str, content: str) -> Path:
    """Write it under a name that holds the content's hash.

    So a changed file changes the command line, which restarts the daemon, and no watched file is ever rewritten.
    """
    stem, suffix = name.split(".")
    path = settings.state / "config" / f"{stem}-{hashlib.sha256(content.encode()).hexdigest()[:8]}.{suffix}"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return path
