"""Brings files down to the disk behind their writer's back, several at a time."""

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

THREADS = 4
MOST_WAITING = 64


class Disk:
    """Syncs that are under way; the oldest is waited for when there are too many."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS)
        self._pending: deque[Future[None]] = deque()

    def sync(self, file: int) -> None:
        """Begins to bring down what the file holds; the caller may close it. Raises ``OSError`` of earlier ones."""
        if len(self._pending) >= MOST_WAITING:
            self._pending.popleft().result()
        self._pending.append(self._pool.submit(_sync, os.dup(file)))

    def wait(self) -> None:
        """Until all is down; raises ``OSError`` where that failed."""
        while self._pending:
            self._pending.popleft().result()

    def close(self) -> None:
        """Ends the threads, whatever became of the files."""
        self._pool.shutdown()


def _sync(file: int) -> None:
    try:
        os.fsync(file)
    finally:
        os.close(file)
