"""gor's middleware: passes its lines on to a pipe. ``python3 -m recorder.tap PIPE``."""

import os
import sys

CHUNK = 256 * 1024

if __name__ == "__main__":
    with open(sys.argv[1], "wb") as pipe:  # noqa: PTH123 - a pipe
        while chunk := os.read(sys.stdin.fileno(), CHUNK):
            pipe.write(chunk)
            pipe.flush()
