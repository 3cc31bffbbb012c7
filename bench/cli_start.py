"""``python -m bench.cli_start``: how soon the command line responds, next to kubectl.

On a control plane of its own, with endpoints that no operator serves. Both commands list the same endpoints; they take
turns, each round beginning with the next of them, so that whatever else the machine does concerns both. A time is from
the start of the process to the first byte of its stdout. Besides: help, which no cluster is asked for, and an
interpreter that does nothing, which is the floor.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.objects import create_endpoints, create_namespace, create_templates, endpoint_names
from hack.programs import search_path
from tests.kit.client import connected
from tests.kit.control_plane import control_plane, install

AIM = 0.3  # seconds until the first output of `mlendpoints get`
NAMESPACE = "start"
_PROGRAM = (sys.executable, "-m", "mlendpoints.cli")
COMMANDS: dict[str, Sequence[str]] = {
    "mlendpoints get": (*_PROGRAM, "get", "endpoints", "-n", NAMESPACE),
    "kubectl get": ("kubectl", "get", "machinelearningendpoints", "-n", NAMESPACE),
    "mlendpoints --help": (*_PROGRAM, "--help"),
    "python -c print()": (sys.executable, "-c", "print()"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.cli_start", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--endpoints", type=int, default=20, help="how many are listed (20)")
    parser.add_argument("--rounds", type=int, default=20, help="how often each command runs (20)")
    options = parser.parse_args(arguments)
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    with control_plane() as kubeconfig:
        asyncio.run(install(kubeconfig))
        asyncio.run(_create(kubeconfig, options.endpoints))
        taken = measure(kubeconfig, options.rounds)
    print("\n".join(lines(taken)), f"\naim: the first output of `mlendpoints get` within {AIM} s")
    return 0


async def _create(kubeconfig: Path, number: int) -> None:
    async with connected(kubeconfig) as client:
        await create_namespace(client, NAMESPACE)
        await create_templates(client, NAMESPACE)
        await create_endpoints(client, NAMESPACE, endpoint_names(number))


def measure(kubeconfig: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds until the first output, by command and round."""
    path = os.pathsep.join((search_path(), os.environ["PATH"]))
    environment = os.environ | {"KUBECONFIG": str(kubeconfig), "PATH": path}
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(-1, rounds):  # the first round only fills the caches of the disk
        for name in _turned(list(COMMANDS), number):
            seconds = _first_output(COMMANDS[name], environment)
            taken[name] += [seconds] if number >= 0 else []
    return taken


def _turned(names: list[str], number: int) -> list[str]:
    """Whoever is first in one round is last in the next."""
    first = number % len(names)
    return names[first:] + names[:first]


def _first_output(command: Sequence[str], environment: dict[str, str]) -> float:
    began = time.monotonic()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        first = process.stdout.read(1)
        seconds = time.monotonic() - began
        process.stdout.read()
    if not first or process.returncode:
        raise RuntimeError(f"{' '.join(command)} printed nothing, or failed")
    return seconds


def lines(taken: dict[str, list[float]]) -> list[str]:
    """A row for each command: the median and the slowest."""
    table = [f"{'command':<22}{'median, s':>10}{'slowest, s':>12}"]
    return table + [f"{name:<22}{median(times):>10.2f}{max(times):>12.2f}" for name, times in taken.items()]


if __name__ == "__main__":
    sys.exit(main())
