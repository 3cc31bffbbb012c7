"""``python -m bench.fetch``: model-init beside others and beside what the machine can do at most."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.fetch.artifact import FORMS, Artifact, made
from bench.fetch.contestants import OURS, confined, contestants, ours
from bench.fetch.installed import FOLDER
from bench.fetch.kills import Killed, Loss
from bench.fetch.origin import Link
from bench.fetch.run import Course, scratch
from bench.fetch.table import artifact_line, link_lines, loss_lines, peak_lines

STARTS = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; an aim that is missed is no failure."""
    options = _parser().parse_args(arguments)
    for form in options.form:
        artifact = made(FOLDER / "artifacts", form, options.size * 1_000_000)
        _say(now(), artifact_line(artifact))
        with scratch(options.folder) as folder:
            _race(options, artifact, folder)
            if options.kills:
                _say(*loss_lines(list(_losses(options, artifact, folder)), options.streams))
    _say(now())
    return 0


def _race(options: argparse.Namespace, artifact: Artifact, folder: Path) -> None:
    course = Course(artifact, contestants(artifact, kserve=options.kserve), folder)
    _say(*peak_lines(artifact, course.peaks(confined(artifact)), course.starts(STARTS)))
    for link in _links(options):
        _say(*link_lines(link, course.rounds(link, options.rounds), os.cpu_count() or 1))


def _losses(options: argparse.Namespace, artifact: Artifact, folder: Path) -> Iterator[Loss]:
    contestant = ours(artifact, OURS, "--keep-partial", "--streams", str(options.streams))
    return Killed(artifact, contestant, folder / "volume").losses(options.kills)


def _links(options: argparse.Namespace) -> Iterator[Link]:
    for rate in options.rate:
        for latency in options.latency:
            yield Link(rate * 1e6, latency / 1000)


def now() -> str:
    """When, where, and how busy the machine was."""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def _say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.fetch", description=__doc__)
    parser.add_argument("--size", type=int, default=256, help="of the model, MB (256)")
    parser.add_argument("--form", nargs="+", choices=FORMS, default=["tar.gz"], help="of the artifact (tar.gz)")
    parser.add_argument(
        "--rate", type=float, nargs="*", default=[50, 200, 1000, 0], help="of the network, MB/s; 0: no limit"
    )
    parser.add_argument("--latency", type=float, nargs="+", default=[1, 10, 50], help="of a round trip, ms (1 10 50)")
    parser.add_argument("--rounds", type=int, default=3, help="over each link; medians are shown (3)")
    parser.add_argument("--without-kserve", dest="kserve", action="store_false", help="leave kserve-storage out")
    parser.add_argument("--kills", type=int, default=200, help="SIGKILLs at random offsets (200)")
    parser.add_argument("--streams", type=int, default=16, help="of the runs that are killed (16)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="on the disk to be measured")
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that nothing is left behind
    sys.exit(main())
