"""``python -m bench``: measures the operator on a control plane of its own, or on a whole cluster."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from bench.run import Run, Size, run_on_control_plane
from bench.table import print_runs
from bench.whole_cluster import run_on_cluster
from tests.kit.control_plane import control_plane, install


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; an aim that is missed is no failure."""
    options = _parser().parse_args(arguments)
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    if options.on == "cluster":
        runs = on_cluster(Size(endpoints=options.endpoints or 5, rest=options.rest), options.runs)
    else:
        runs = on_control_plane(
            Size(endpoints=options.endpoints or 200, rest=options.rest, floor=options.floor), options.runs
        )
    print_runs(runs)
    return 0


def on_cluster(size: Size, count: int) -> list[Run]:
    """So many runs on the cluster of ``KUBECONFIG``, else on the local one."""
    return [asyncio.run(run_on_cluster(size)) for _ in range(count)]


def on_control_plane(size: Size, count: int) -> list[Run]:
    """So many runs on one API server."""
    with control_plane("--istio-crds") as kubeconfig:
        asyncio.run(install(kubeconfig))
        return [asyncio.run(run_on_control_plane(kubeconfig, size, number)) for number in range(count)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--on", choices=("control-plane", "cluster"), default="control-plane", help="where to measure")
    parser.add_argument("--endpoints", type=int, help="how many are created at once (200; on a cluster 5)")
    parser.add_argument("--runs", type=int, default=3, help="how often; medians are shown (3)")
    parser.add_argument("--rest", type=float, default=20.0, help="seconds of rest that are watched (20)")
    parser.add_argument("--floor", action=argparse.BooleanOptionalAction, default=True, help="write the floor, too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
