"""Mounts below a folder: kubelet's volumes, containers' file systems, network namespaces."""

from pathlib import Path

from cluster.commands import run


def mounts_below(folder: Path) -> list[str]:
    """Mount points at or below `folder`, innermost and newest first."""
    points = [line.split()[1].replace("\\040", " ") for line in Path("/proc/mounts").read_text().splitlines()]
    return [point for point in reversed(points) if Path(point) == folder or folder in Path(point).parents]


def unmount_below(folder: Path) -> None:
    """Unmount all of them; lazily, since a dying process may still hold one open."""
    for point in mounts_below(folder):
        run("umount", "--lazy", point)
