"""The node of the local cluster."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kit.sync_client import SyncClient

_HOLD = 'kill -STOP "$1"; read -r _; kill -CONT "$1"'  # continues it, too, when the test's process has died


def node_address(server: SyncClient) -> str:
    """At which pods reach this machine."""
    (node,) = server.read("/api/v1/nodes")["items"]
    return next(str(found["address"]) for found in node["status"]["addresses"] if found["type"] == "InternalIP")


def process_of(pod: str, name: str) -> int:
    """The id of the process of that name in the pod with that uid. Only on the node itself."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().strip() == name and pod in (folder / "cgroup").read_text():
                return int(folder.name)
        except OSError:
            continue
    raise AssertionError(f"no process {name} of pod {pod}")


@contextmanager
def held(process: int) -> Iterator[None]:
    """The process is stopped until the block ends."""
    with subprocess.Popen(["sh", "-c", _HOLD, "hold", str(process)], stdin=subprocess.PIPE) as hold:
        try:
            yield
        finally:
            hold.communicate(b"\n")
