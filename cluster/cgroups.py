"""The control group below which all pods live, in version 1 (one tree per controller) and version 2."""

import os
import signal
from contextlib import suppress
from functools import partial
from pathlib import Path

from cluster.settings import Settings
from cluster.steps import wait_until

ROOT = Path("/sys/fs/cgroup")
SHARES = 16 * 1024  # version 1; one process outside of any group weighs 1024
WEIGHT = 1600  # the same in version 2, where it weighs 100


def ensure_control_group(settings: Settings) -> None:
    """Create the group in every tree: kubelet requires that its root exists.

    It weighs as many processes: with the weight of one, all pods together would starve beside a build.
    """
    for folder in _folders(settings):
        folder.mkdir(exist_ok=True)
        for file, value in (("cpu.shares", SHARES), ("cpu.weight", WEIGHT)):
            if (folder / file).exists():
                (folder / file).write_text(str(value))


def remove_control_group(settings: Settings) -> None:
    """Kill every process of the pods and remove the groups, innermost first."""
    for folder in _folders(settings):
        wait_until(partial(_is_empty, folder), what=f"the pods' processes in {folder} to end", seconds=30)
        for path in sorted(folder.rglob("*/"), reverse=True):
            _remove(path)
        _remove(folder)


def _remove(folder: Path) -> None:
    """A group stays busy for a moment after its last process."""

    def gone() -> bool:
        with suppress(OSError):
            folder.rmdir()
        return not folder.exists()

    if folder.is_dir():
        wait_until(gone, what=f"{folder} to empty", seconds=10)


def _folders(settings: Settings) -> list[Path]:
    version_2 = (ROOT / "cgroup.controllers").exists()
    trees = [ROOT] if version_2 else [path.parent for path in ROOT.glob("*/cgroup.procs")]
    return [tree / settings.name for tree in trees if not tree.is_symlink()]


def _is_empty(folder: Path) -> bool:
    """Kill all processes in it. A process in our own group can only be a pod's, so its group identifies it."""
    members = [int(pid) for procs in folder.rglob("cgroup.procs") for pid in _lines(procs)]
    for pid in members:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return not members


def _lines(path: Path) -> list[str]:
    with suppress(OSError):
        return path.read_text().split()
    return []
