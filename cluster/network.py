"""The node's network: the pods' bridge, their CNI configuration, and one NAT rule of our own.

The bridge is created before the first pod, because its address is the node's. `remove_network` removes
everything created here and by kube-proxy, kubelet and the CNI plugins.
"""

import json
import subprocess
from pathlib import Path

from cluster.commands import run, succeeds
from cluster.settings import Settings

CNI_NETWORK = "mlendpoints"
CNI_RESULTS = Path("/var/lib/cni/results")
OWN_RULES = ("KUBE-", "CNI-", "mlendpoints")
TABLES = ("iptables", "ip6tables", "iptables-legacy", "ip6tables-legacy")


def ensure_network(settings: Settings) -> None:
    """Bridge, forwarding, NAT for pods that speak to the outside, CNI configuration. Idempotent.

    Services get a route, since a machine without a default route could not even begin to reach their addresses.
    """
    if not succeeds("ip", "link", "show", settings.bridge):
        run("ip", "link", "add", settings.bridge, "type", "bridge")
    run("ip", "address", "replace", f"{settings.node_address}/{settings.pods.prefixlen}", "dev", settings.bridge)
    run("ip", "link", "set", settings.bridge, "up", "promisc", "on")
    run("ip", "route", "replace", str(settings.services), "dev", settings.bridge)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    _pass_bridged_packets_to_iptables()
    _masquerade(settings)
    _write_cni_configuration(settings)


def remove_network(settings: Settings) -> None:
    """Take away the bridge, with it the pods' interfaces, and all rules: ours, kube-proxy's, kubelet's and CNI's."""
    for tool in TABLES:
        _remove_rules(tool)
    for result in CNI_RESULTS.glob("*"):
        if str(settings.state) in result.read_text():
            result.unlink()
    if succeeds("ip", "link", "show", settings.bridge):
        run("ip", "link", "delete", settings.bridge)


def has_kubernetes_rules() -> bool:
    """Whether some kube-proxy has written rules on this machine."""
    saved = (
        subprocess.run(["iptables-save", "-t", "nat"], capture_output=True, text=True, check=False)
        if succeeds("iptables", "-V")
        else None
    )
    return bool(saved and "KUBE-SERVICES" in saved.stdout)


def cni_folder(settings: Settings) -> Path:
    """Where containerd reads the network's configuration."""
    return settings.state / "config" / "cni"


def _pass_bridged_packets_to_iptables() -> None:
    """Answers of a Service in the same bridge must pass NAT again; kernels with this as a module load it by name."""
    switch = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
    if not switch.exists():
        run("modprobe", "br_netfilter")
    switch.write_text("1")


def _masquerade(settings: Settings) -> None:
    pods = str(settings.pods)
    rule = ("POSTROUTING", "-s", pods, "!", "-d", pods, "-m", "comment", "--comment", "mlendpoints", "-j", "MASQUERADE")
    if not succeeds("iptables", "-w", "-t", "nat", "-C", *rule):
        run("iptables", "-w", "-t", "nat", "-A", *rule)


def _write_cni_configuration(settings: Settings) -> None:
    addresses = {
        "type": "host-local",
        "dataDir": str(settings.state / "cni"),
        "ranges": [[{"subnet": str(settings.pods), "rangeStart": str(settings.pods[256])}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": settings.bridge, "isGateway": True, "hairpinMode": True, "ipam": addresses}
    configuration = {
        "cniVersion": "1.0.0",
        "name": CNI_NETWORK,
        "plugins": [bridge, {"type": "portmap", "capabilities": {"portMappings": True}}],
    }
    folder = cni_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "10-mlendpoints.conflist").write_text(json.dumps(configuration))


def _remove_rules(tool: str) -> None:
    """All at once by save, filter and restore: chains refer to each other, so one by one they would refuse."""
    if not succeeds(f"{tool}-save"):
        return
    saved = run(f"{tool}-save").splitlines()
    kept = [line for line in saved if not any(own in line for own in OWN_RULES)]
    if kept != saved:
        run(f"{tool}-restore", "-w", stdin="\n".join(kept) + "\n")
