"""What model-init says: JSON lines on stdout, and the termination message from which the endpoint takes its reason.

It must not say anything that a URL may hide: credentials or query strings.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from fetcher.download import Download
from fetcher.failures import Failure

LOG = structlog.get_logger()
EVERY_SECONDS = 5.0
LONGEST_MESSAGE = 4096
"""Kubernetes cuts termination messages there."""


def set_up_logs() -> None:
    """One JSON object a line, on stdout."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
    )


def progress(download: Download, clock: Callable[[], float] = time.monotonic) -> Iterator[bytes]:
    """The download's chunks; says every few seconds how many bytes have come, and of how many."""
    count, said = 0, clock()
    for chunk in download.chunks:
        count += len(chunk)
        if clock() - said >= EVERY_SECONDS:
            said = clock()
            LOG.info("Fetched a part", bytes=count, percent=_percent(count, download.length))
        yield chunk


def write_termination_message(log: Path, failure: Failure) -> None:
    """Fills the termination log where the container has one; never makes it."""
    text = json.dumps({"reason": failure.reason, "message": str(failure)[: LONGEST_MESSAGE // 4]})
    try:
        with log.open("r+") as file:
            file.write(text)
    except OSError:
        LOG.warning("Found no termination log", path=str(log))


def _percent(count: int, length: int | None) -> float | None:
    return round(100 * count / length, 1) if length else None
