"""``python3 -m replay.export SOURCE...``: all captured records of the sources, as they are stored, on standard output.

Objects in their order, whole lines only. Standard error has their number. Raw captures by gor are left out.
"""

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from fetcher.settings import Settings
from replay.exchange import Skipped
from replay.failures import ReplayFailed
from replay.options import add_access
from replay.reading.lines import lines
from replay.reading.objects import open_objects
from replay.reading.records import CAPTURED

DONE, NO_RESULT = 0, 2
LONGEST = 32 * 1024 * 1024
"""Of a line; nginx writes at most half as much."""
MOST_OBJECTS = 1_000_000


def main(arguments: Sequence[str], out: BinaryIO) -> int:
    """The process's exit code."""
    given = _parser().parse_args(arguments)
    seen: Counter[str] = Counter()
    try:
        out.writelines(line + b"\n" for line in _records(given, seen))
        out.flush()
    except ReplayFailed as failure:
        sys.stderr.write(f"export: {failure}\n")
        return NO_RESULT
    without = f", without {seen['torn']} that are torn or too long" if seen["torn"] else ""
    sys.stderr.write(f"export: {seen['records']} records in {seen['objects']} objects{without}\n")
    return DONE


def _records(given: argparse.Namespace, seen: Counter[str]) -> Iterator[bytes]:
    """Whole lines of all objects; counts them."""
    for where in given.sources:
        for found in open_objects(where, _settings(where, given)):
            if found.path.partition("?")[0].endswith(CAPTURED):
                seen["objects"] += 1
                for line in lines(found.chunks(), LONGEST):
                    seen["torn" if isinstance(line, Skipped) else "records"] += bool(line)
                    if line and not isinstance(line, Skipped):
                        yield line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="replay.export", description=__doc__)
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="folder, file or URL, as of replay")
    add_access(parser)
    return parser


def _settings(where: str, given: argparse.Namespace) -> Settings:
    return Settings(
        artifact=where,
        volume=Path(tempfile.gettempdir()),
        credentials=given.credentials,
        claims=given.claims,
        allowed_addresses=given.allowed_addresses,
        limit_entries=MOST_OBJECTS,
    )


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:], sys.stdout.buffer))
    except BrokenPipeError:
        os._exit(NO_RESULT)
