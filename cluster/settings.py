"""Where things are kept and which addresses are used, from the environment.

| variable | default | what |
|---|---|---|
| `MLENDPOINTS_STATE` | `/var/lib/mlendpoints` | everything of one running cluster; `down` removes it |
| `MLENDPOINTS_CACHE` | `$XDG_CACHE_HOME/mlendpoints`, else `~/.cache/mlendpoints` | binaries and images; stays |
| `MLENDPOINTS_BRIDGE` | `mlendpoints0` | name of the pods' bridge |
| `MLENDPOINTS_POD_NETWORK` | `10.88.0.0/16` | addresses of pods; the first one is the node's |
| `MLENDPOINTS_SERVICE_NETWORK` | `10.96.0.0/16` | addresses of Services; the tenth one is the DNS server's |
"""

import hashlib
import os
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """One cluster's folders and networks."""

    state: Path
    cache: Path
    bridge: str
    pods: IPv4Network
    services: IPv4Network

    @property
    def node_address(self) -> str:
        """The bridge's address: it exists before the first pod does, so everything may listen on it."""
        return str(self.pods[1])

    @property
    def kubernetes_address(self) -> str:
        """The `kubernetes` Service's address: always the first of its network."""
        return str(self.services[1])

    @property
    def dns_address(self) -> str:
        """The `kube-dns` Service's address, written into every pod's resolv.conf."""
        return str(self.services[10])

    @property
    def kubeconfig(self) -> Path:
        """An administrator's kubeconfig."""
        return self.state / "kubeconfig"

    @property
    def name(self) -> str:
        """A short name, different for each state folder: of the control group, and of the lock."""
        return "mlendpoints-" + hashlib.sha256(str(self.state).encode()).hexdigest()[:8]

    @property
    def containers(self) -> Path:
        """Buildah's storage; in the cache, because base images outlive clusters."""
        return self.cache / "containers"


def settings_from_environment() -> Settings:
    """The settings of this process's environment."""
    environment = os.environ
    caches = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Settings(
        state=Path(environment.get("MLENDPOINTS_STATE") or "/var/lib/mlendpoints").absolute(),
        cache=Path(environment.get("MLENDPOINTS_CACHE") or caches / "mlendpoints").absolute(),
        bridge=environment.get("MLENDPOINTS_BRIDGE") or "mlendpoints0",
        pods=IPv4Network(environment.get("MLENDPOINTS_POD_NETWORK") or "10.88.0.0/16"),
        services=IPv4Network(environment.get("MLENDPOINTS_SERVICE_NETWORK") or "10.96.0.0/16"),
    )
