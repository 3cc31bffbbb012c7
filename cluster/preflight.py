"""Checks before anything is changed, each with a fix."""

import os
import platform
import re
import shutil
from pathlib import Path

from cluster.archives import ARCHITECTURES
from cluster.binaries import ALL, is_built
from cluster.commands import run
from cluster.errors import ClusterError
from cluster.network import has_kubernetes_rules
from cluster.ports import is_taken
from cluster.processes import marked_pids
from cluster.settings import Settings

PORTS = {
    6443: "kube-apiserver",
    2379: "etcd",
    2380: "etcd",
    10250: "kubelet",
    10256: "kube-proxy",
    10257: "kube-controller-manager",
    10259: "kube-scheduler",
}
GIBIBYTE = 2**30
COLD_BYTES = 12 * GIBIBYTE
WARM_BYTES = 3 * GIBIBYTE
OLDEST_GO = (1, 21)


def check_machine(settings: Settings) -> None:
    """ClusterError with one sentence, unless the cluster can be brought up here."""
    _check_user()
    _check_distribution(Path("/etc/os-release"))
    _check_architecture()
    cold = not all(is_built(build, settings) for build in ALL)
    if cold:
        _check_go()
    _check_disk(settings.cache, COLD_BYTES if cold else WARM_BYTES)


def check_neighbours(settings: Settings) -> None:
    """ClusterError when something else on this machine is in the way. To be asked under the cluster's lock."""
    if marked_pids(settings.state):
        return
    for port, program in PORTS.items():
        if is_taken(port):
            raise ClusterError(
                f"Port {port} is in use and {program} needs it; end its user (`ss -ltnp 'sport = :{port}'` shows it)."
            )
    if has_kubernetes_rules() and not settings.kubeconfig.exists():
        raise ClusterError(
            "iptables has rules of another Kubernetes node (KUBE-SERVICES); end that node and remove them, "
            "or run `python3 -m cluster down` if it was one of these."
        )


def _check_user() -> None:
    if os.geteuid() != 0:
        raise ClusterError("A node needs root: run it with sudo, or set KUBECONFIG to a cluster that exists already.")


def _check_distribution(release: Path) -> None:
    words = release.read_text().lower() if release.exists() else ""
    if not re.search(r"^id(_like)?=.*(debian|ubuntu)", words, flags=re.MULTILINE):
        raise ClusterError(
            "This is neither Debian nor Ubuntu; use such a machine, or set KUBECONFIG to a cluster that exists already."
        )


def _check_architecture() -> None:
    if platform.machine() not in ARCHITECTURES:
        raise ClusterError(
            f"The processor is {platform.machine()}; the cluster needs one of {', '.join(ARCHITECTURES)}."
        )


def _check_go() -> None:
    """Go from 1.21 on fetches the version that a module asks for."""
    if not shutil.which("go"):
        raise ClusterError(
            "Go is missing; install Go 1.21 or newer and put `go` on the PATH, as https://go.dev/doc/install says."
        )
    found = re.search(r"go(\d+)\.(\d+)", run("go", "env", "GOVERSION"))
    if found and (int(found[1]), int(found[2])) < OLDEST_GO:
        raise ClusterError(
            f"{found[0]} is too old to build Kubernetes; install Go 1.21 or newer, as https://go.dev/doc/install says."
        )


def _check_disk(folder: Path, wanted: int) -> None:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < wanted:
        needs = f"{wanted / GIBIBYTE:.0f} GiB are needed at {folder} and {free / GIBIBYTE:.1f} GiB are free"
        raise ClusterError(
            f"{needs}; free some, or set MLENDPOINTS_CACHE and MLENDPOINTS_STATE to folders on a larger disk."
        )
