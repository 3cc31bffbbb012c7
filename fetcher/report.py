"""What model-init says: JSON lines on stdout, and the termination message from which the endpoint takes its reason.

It must not say anything that a URL may hide: credentials or query strings.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from fetcher import log
from fetcher.failures import Failure

EVERY_SECONDS = 5.0
LONGEST_MESSAGE = 4096
"""Kubernetes cuts termination messages there."""
Chunk = TypeVar("Chunk", bytes, memoryview, bytes | memoryview)


class Progress:
    """Counts the bytes that have come; says every few seconds how many, and of how many."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = self._said = clock()
        self.bytes = 0
        self.total: int | None = None

    @property
    def rate(self) -> int:
        """Bytes a second since the beginning."""
        return round(self.bytes / max(self._clock() - self._since, 1e-3))

    def begin(self, total: int | None) -> None:
        """Counts from zero."""
        self._since = self._said = self._clock()
        self.bytes, self.total = 0, total

    def counted(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """The same chunks."""
        for chunk in chunks:
            self.bytes += len(chunk)
            if self._clock() - self._said >= EVERY_SECONDS:
                self._said = self._clock()
                log.info("Fetched a part", bytes=self.bytes, percent=self._percent(), rate=self.rate)
            yield chunk

    def _percent(self) -> float | None:
        return round(100 * self.bytes / self.total, 1) if self.total else None


def write_termination_message(path: Path, failure: Failure, progress: Progress) -> None:
    """Fills the termination log where the container has one; never makes it. One line."""
    said = {
        "reason": failure.reason,
        "message": " ".join(str(failure)[: LONGEST_MESSAGE // 4].split()),
        "bytes": progress.bytes,
        "total": progress.total,
        "bytesPerSecond": progress.rate,
    }
    try:
        with path.open("r+") as file:
            file.write(json.dumps(said))
    except OSError:
        log.warning("Found no termination log", path=str(path))
