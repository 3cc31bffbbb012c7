"""Log lines: one JSON object each, on stdout.

Written by hand because the usual libraries take longer to load than a small model takes to
download. Callers must not pass anything secret that a URL may contain.
"""

import json
import sys
from datetime import UTC, datetime


def info(event: str, **facts: object) -> None:
    """What was done."""
    _write("info", event, facts)


def warning(event: str, **facts: object) -> None:
    """An error that does not end the run."""
    _write("warning", event, facts)


def error(event: str, **facts: object) -> None:
    """An error that ends the run."""
    _write("error", event, facts)


def _write(level: str, event: str, facts: dict[str, object]) -> None:
    time = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    sys.stdout.write(json.dumps({**facts, "event": event, "level": level, "timestamp": time}, default=str) + "\n")
    sys.stdout.flush()
