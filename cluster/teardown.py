"""`down`: remove everything that `up` and the cluster's pods created, whatever its state. Only the cache remains.

Killed, not drained: nothing in a throw-away cluster is worth the half minute. The order matters: kubelet first, so that
nothing is started again.
"""

import shutil
import socket
from contextlib import suppress
from pathlib import Path

from cluster.cgroups import remove_control_group
from cluster.mounts import unmount_below
from cluster.network import remove_network
from cluster.processes import end_processes
from cluster.settings import Settings
from cluster.steps import step

POD_LOG_LINKS = Path("/var/log/containers")
DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins/kubelet.sock")


def tear_down(settings: Settings) -> None:
    """Remove the cluster of this state folder; does nothing where there is none."""
    with step("Ending processes"):
        for name in ("kubelet", "kube-proxy", "kube-controller-manager", "kube-scheduler"):
            end_processes(settings.state, name, seconds=5)
        end_processes(settings.state, seconds=5)
        remove_control_group(settings)
    with step("Removing mounts, network and files"):
        unmount_below(settings.state)
        remove_network(settings)
        shutil.rmtree(settings.state, ignore_errors=True)
        _remove_leftovers(settings)


def _remove_leftovers(settings: Settings) -> None:
    """Two places of kubelet's cannot be set: of the links to containers' logs, and of the device plugins' socket."""
    for link in POD_LOG_LINKS.glob("*.log"):
        if link.is_symlink() and settings.state in link.readlink().parents:
            link.unlink()
    if not _answers(DEVICE_PLUGINS):
        DEVICE_PLUGINS.unlink(missing_ok=True)
    for folder in (DEVICE_PLUGINS.parent, DEVICE_PLUGINS.parent.parent, POD_LOG_LINKS):
        with suppress(OSError):
            folder.rmdir()


def _answers(path: Path) -> bool:
    """Whether a kubelet, then another cluster's, listens there."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
