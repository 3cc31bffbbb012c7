"""`down`: take away everything that `up` and the cluster's pods made, whatever state it is in. Only the cache stays.

Killed, not drained: nothing in a throw-away cluster is worth the half minute. The order matters: kubelet first, so that nothing is started again.
"""

import shutil
from contextlib import suppress
from pathlib import Path

from cluster.cgroups import remove_control_group
from cluster.mounts import unmount_below
from cluster.network import remove_network
from cluster.processes import end_processes
from cluster.settings import Settings
from cluster.steps import step

POD_LOG_LINKS = Path("/var/log/containers")
KUBELET_FOLDER = Path("/var/lib/kubelet")


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
    """kubelet has two folders whose places cannot be set: links to the logs of containers, and the device plugins' socket."""
    for link in POD_LOG_LINKS.glob("*.log"):
        if link.is_symlink() and settings.state in link.readlink().parents:
            link.unlink()
    (KUBELET_FOLDER / "device-plugins" / "kubelet.sock").unlink(missing_ok=True)
    for folder in (KUBELET_FOLDER / "device-plugins", KUBELET_FOLDER, POD_LOG_LINKS):
        with suppress(OSError):
            folder.rmdir()
