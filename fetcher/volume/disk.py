"""Syncs files to disk in the background, several at a time."""

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

THREADS = 4
MOST_WAITING = 64


class Disk:
    """Pending syncs; if there are too many, waits for the oldest."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS)
        self._pending: deque[Future[None]] = deque()

    def sync(self, file: int) -> None:
        """Starts an fsync; the caller may close the file. Raises ``OSError`` of earlier ones."""
        if len(self._pending) >= MOST_WAITING:
            self._pending.popleft().result()
        self._pending.append(self._pool.submit(_sync, os.dup(file)))

    def wait(self) -> None:
        """Waits for all syncs; raises ``OSError`` if one failed."""
        while self._pending:
            self._pending.popleft().result()

    def close(self) -> None:
        """Stops the threads."""
        self._pool.shutdown()


def _sync(file: int) -> None:
    try:
        os.fsync(file)
    finally:
        os.close(file)
