"""Runs the shipper until everything is delivered, and kills it before its Nth access to files or the network.

``python3 -m tests.shipper.killed`` reads lines ``[N, environment]`` and answers each with the exit code. Python's own
audit events tell of each access, so that the shipper needs no hook; it is forked, so that it starts at once.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from itertools import count

from shipper.__main__ import main

ACCESSES = {"open", "os.scandir", "os.rename", "os.remove", "os.mkdir", "socket.connect"}


class Killer:
    """Counts from the first look at the spool on; then the shipper is stopped, too, so that it drains."""

    def __init__(self, fatal: int) -> None:
        self._fatal = fatal
        self._accesses: Iterator[int] | None = None

    def __call__(self, event: str, _arguments: object) -> None:
        """An audit hook."""
        if event not in ACCESSES:
            return
        if self._accesses is None:
            if event != "os.scandir":
                return
            self._accesses = count()
            os.kill(os.getpid(), signal.SIGTERM)
        if next(self._accesses) == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)


def run(fatal: int, environment: dict[str, str]) -> int:
    """The exit code of a child; negative if it was killed."""
    child = os.fork()
    if not child:
        os.dup2(2, 1)  # its log is not an answer
        sys.addaudithook(Killer(fatal))
        os._exit(main(environment))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    for line in sys.stdin:
        print(run(*json.loads(line)), flush=True)  # noqa: T201 - the answer
