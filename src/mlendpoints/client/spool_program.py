"""A program for the container ``shipper``: prints the records in the spool, and those that are added.

It is sent as text, so it imports only Python's own library and nothing of this package. Arguments: the folder; ``all``,
or ``new`` for later records only; ``follow``, until stdin ends with the caller's connection, or ``once``.
"""

import os
import re
import select
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

NAME = re.compile(r"[0-9]{10}-[0-9a-f]{16}(-[0-9]{1,6})?[.]jsonl")
PAUSE = 0.5  # seconds; a file stays for 20 s at least
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


def lines(path: Path, start: int) -> Iterator[bytes]:
    """Whole lines from an offset on; nothing of what is no regular file, or is gone."""
    try:
        descriptor = os.open(path, READ)
    except OSError:
        return
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return
    with os.fdopen(descriptor, "rb") as stream:
        stream.seek(start)
        yield from (line for line in stream if line.endswith(b"\n"))


def look(folder: Path, offsets: dict[str, int], out: BinaryIO | None) -> dict[str, int]:
    """Writes what was added; the new offsets."""
    found: dict[str, int] = {}
    for path in sorted(path for path in folder.iterdir() if NAME.fullmatch(path.name)):
        found[path.name] = offsets.get(path.name, 0)
        for line in lines(path, found[path.name]):
            found[path.name] += len(line)
            if out:
                out.write(line)
    if out:
        out.flush()
    return found


def main(folder: str, which: str, how: str) -> None:
    """Until the caller has left."""
    offsets = look(Path(folder), {}, sys.stdout.buffer if which == "all" else None)
    while how == "follow":
        ready, _, _ = select.select([0], [], [], PAUSE)
        if ready and not os.read(0, 1024):
            return
        offsets = look(Path(folder), offsets, sys.stdout.buffer)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except BrokenPipeError:
        os._exit(0)
