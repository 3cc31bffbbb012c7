"""Progress as JSON log lines on stdout, and the termination message from which the endpoint takes its reason.

It must not reveal secrets that a URL may contain: credentials or query strings.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from fetcher.failures import Failure
from outbound import log

EVERY_SECONDS = 5.0
LONGEST_MESSAGE = 4096
"""Kubernetes truncates longer termination messages."""
Chunk = TypeVar("Chunk", bytes, memoryview, bytes | memoryview)


class Progress:
    """Counts the bytes received; logs every few seconds how many of how many."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = self._said = clock()
        self.bytes = 0
        self.total: int | None = None

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return self._clock() - self._since

    @property
    def rate(self) -> int:
        """Bytes a second since the beginning."""
        return round(self.bytes / max(self.seconds, 1e-3))

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
                log.info("Download in progress", bytes=self.bytes, percent=self._percent(), rate=self.rate)
            yield chunk

    def _percent(self) -> float | None:
        return round(100 * self.bytes / self.total, 1) if self.total else None


def _short(message: str) -> str:
    """Without its middle, where a long URL is; the end says what to do. JSON may take six bytes per character."""
    longest = LONGEST_MESSAGE // 7
    if len(message) <= longest:
        return message
    return f"{message[: longest // 2]} … {message[-longest // 2 + 3 :]}"


def write_failure(path: Path, failure: Failure, progress: Progress) -> None:
    """The termination message of a failed run, with its progress."""
    why = {"reason": failure.reason, "message": _short(" ".join(str(failure).split()))}
    _write_termination_message(path, why | _figures(progress))


def write_success(path: Path, progress: Progress) -> None:
    """The termination message of a successful run: bytes downloaded and rate."""
    _write_termination_message(path, _figures(progress))


def _figures(progress: Progress) -> dict[str, object]:
    seconds, rate = round(progress.seconds, 1), progress.rate
    return {"bytes": progress.bytes, "total": progress.total, "seconds": seconds, "bytesPerSecond": rate}


def _write_termination_message(path: Path, said: Mapping[str, object]) -> None:
    """Writes one line to the container's termination log, if it exists; never creates it."""
    try:
        with path.open("r+", encoding="utf-8", errors="replace") as file:
            file.write(json.dumps(said, ensure_ascii=False))
            file.truncate()
    except OSError:
        log.warning("Termination log does not exist", path=str(path))
