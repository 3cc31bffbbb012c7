"""``python -m bench.zero_loss``: every kind of update under load, on the cluster of KUBECONFIG or the local one."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.zero_loss.run import Place, Round, Size, run
from bench.zero_loss.table import print_verdict
from bench.zero_loss.updates import ROUND, Kind

LOCAL = Path(os.environ.get("MLENDPOINTS_STATE") or "/var/lib/mlendpoints") / "kubeconfig"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; fails where a request is lost or doubled."""
    options = _parser().parse_args(arguments)
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    rounds = [Round(drain, chosen(drain, options.only)) for drain in options.drain] * options.rounds
    place = Place(kubeconfig=Path(os.environ.get("KUBECONFIG") or LOCAL), keep=options.keep)
    verdict = asyncio.run(run(place, Size(requests=options.requests, rate=options.rate, rounds=rounds)))
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load {os.getloadavg()[0]:.1f}")
    print_verdict(verdict)
    return 1 if verdict.lost or verdict.doubled or verdict.unlogged or verdict.early else 0


def chosen(drain: int, names: Sequence[str] | None) -> list[Kind]:
    """The kinds that are named, else all that make sense with so many seconds of preStop."""
    if names:
        return [kind for kind in ROUND if kind.name in names]
    return [kind for kind in ROUND if drain or not kind.needs_drain]


def _parser() -> argparse.ArgumentParser:
    names = sorted({kind.name for kind in ROUND})
    parser = argparse.ArgumentParser(prog="python -m bench.zero_loss", description=__doc__)
    parser.add_argument("--requests", type=int, default=200_000, help="send at least so many (200,000)")
    parser.add_argument("--rate", type=float, default=300, help="requests a second through all gateway pods (300)")
    parser.add_argument("--rounds", type=int, default=1, help="how often each kind of update is done (1)")
    parser.add_argument("--drain", type=int, nargs="+", default=[0, 5], help="seconds of preStop, one round each (0 5)")
    parser.add_argument("--only", nargs="+", choices=names, metavar="KIND", help=f"of {', '.join(names)}")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where each request's record and the logs stay")
    return parser


if __name__ == "__main__":
    sys.exit(main())
