"""The loop: lines of gor -> pairs -> records in the spool, each counted once. It must not know how gor is run."""

import contextlib
import os
import random
import select
import time
from collections.abc import Callable, Iterable

from recorder.messages import Pair, Pairs, read_line
from recorder.record import Dropped, make
from recorder.settings import Settings
from recorder.spool import Account, Spool

CHUNK = 256 * 1024
LONGEST_LINE = 32 * 1024 * 1024  # hexadecimal digits; gor's messages are of 5 MB at most
WAIT_SECONDS = 120.0  # for a response: longer than the longest invocation
TICK_SECONDS = 1.0


class Recording:
    """State of one process."""

    def __init__(self, settings: Settings, spool: Spool, account: Account) -> None:
        self._settings, self._spool, self._account = settings, spool, account
        self._pairs = Pairs(WAIT_SECONDS)
        self._partial = bytearray()

    def run(self, pipe: int, is_running: Callable[[], bool]) -> None:
        """Until the pipe ends, or there is nothing in it and what writes to it no longer runs."""
        while True:
            if select.select([pipe], [], [], TICK_SECONDS)[0]:
                chunk = os.read(pipe, CHUNK)
                if not chunk:
                    break
                self._read(chunk)
            elif not is_running():
                break
            self._take(self._pairs.expired(time.monotonic()))
            self._save()
        self._take(self._pairs.rest())
        self._save()

    def _read(self, chunk: bytes) -> None:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            line = bytes(self._partial) + end
            self._partial = bytearray()
            record = read_line(line) if len(line) <= LONGEST_LINE else None
            if record is not None:
                self._take(self._pairs.add(record, time.monotonic()))
        if len(self._partial) <= LONGEST_LINE:
            self._partial += rest

    def _take(self, pairs: Iterable[Pair]) -> None:
        for pair in pairs:
            if result := self._result(pair):
                self._account.count(result)

    def _result(self, pair: Pair) -> str:
        """Empty for what no caller sent."""
        try:
            record = make(pair, self._settings)
            if record is None:
                return ""
            if random.random() * 100 >= self._settings.percentage:  # noqa: S311 - a sample
                return "sampled_out"
            self._spool.append(record, time.time())
        except Dropped as dropped:
            return dropped.reason
        return "captured"

    def _save(self) -> None:
        with contextlib.suppress(OSError):  # a full disk: it is saved later
            self._account.save()
