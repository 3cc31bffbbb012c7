"""The control group below which all pods live, in version 1 (one tree per controller) and version 2."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from cluster.settings import Settings
from cluster.steps import wait_until

ROOT = Path("/sys/fs/cgroup")


def ensure_control_group(settings: Settings) -> None:
    """Make the group in every tree: kubelet demands that its root exists."""
    for folder in _folders(settings):
        folder.mkdir(exist_ok=True)


def remove_control_group(settings: Settings) -> None:
    """Kill every process of the pods and remove the groups, innermost first."""
    for folder in _folders(settings):
        wait_until(
            lambda folder=folder: not _kill_members(folder), what=f"the pods' processes in {folder} to end", seconds=30
        )
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
    trees = (
        [ROOT]
        if (ROOT / "cgroup.controllers").exists()
        else [path for path in ROOT.iterdir() if (path / "cgroup.procs").exists()]
    )
    return [tree / settings.name for tree in trees if not tree.is_symlink()]


def _kill_members(folder: Path) -> list[int]:
    """A process in our own group can only be a pod's, so its group identifies it, whatever its number."""
    members = [int(pid) for procs in folder.rglob("cgroup.procs") for pid in _lines(procs)]
    for pid in members:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return members


def _lines(path: Path) -> list[str]:
    with suppress(OSError):
        return path.read_text().split()
    return []
