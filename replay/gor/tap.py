"""gor's middleware: passes requests on, and copies the responses of the target to a file, one line each.

``python3 -m replay.gor.tap FILE LONGEST``. gor writes a line of hexadecimal digits for each
message, so nothing within a message can look like the end of it. A longer line than
LONGEST is cut, and ends with ``!``.
"""

import sys
from typing import BinaryIO

AT_ONCE = 64 * 1024
REQUEST, REPLAYED = b"1".hex().encode(), b"3".hex().encode()
CUT = b"!\n"


def copy(source: BinaryIO, requests: BinaryIO, responses: BinaryIO, longest: int) -> None:
    """Until the source ends."""
    while start := source.readline(AT_ONCE):
        kind = start[: len(REQUEST)]
        if kind == REQUEST:
            _copy_line(start, source, requests, sys.maxsize)
        elif kind == REPLAYED:
            _copy_line(start, source, responses, longest)
        else:
            _skip_line(start, source)


def _copy_line(piece: bytes, source: BinaryIO, to: BinaryIO, longest: int) -> None:
    size = 0
    while piece and not piece.endswith(b"\n") and size + len(piece) <= longest:
        to.write(piece)
        size += len(piece)
        piece = source.readline(AT_ONCE)
    if size + len(piece) > longest:
        to.write(CUT)
        _skip_line(piece, source)
    else:
        to.write(piece)
    to.flush()


def _skip_line(piece: bytes, source: BinaryIO) -> None:
    while piece and not piece.endswith(b"\n"):
        piece = source.readline(AT_ONCE)


if __name__ == "__main__":
    with open(sys.argv[1], "wb") as answers:  # noqa: PTH123 - a pipe
        copy(sys.stdin.buffer, sys.stdout.buffer, answers, int(sys.argv[2]))
