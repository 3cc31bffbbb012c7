"""Open-loop load on one host through every ready gateway pod: the benchmark's, in a process of its own.

No request is ever repeated, so that each one that is lost is seen.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.e2e.namespace import ROOT
from tests.kit.load.generator import Order, Record
from tests.kit.waiting import wait_until


class Load:
    """What has been sent so far, as far as it was answered or lost."""

    def __init__(self, record: Path) -> None:
        self._record = record

    @property
    def records(self) -> list[Record]:
        """Every request whose fate is known, in the order of their ends."""
        lines = self._record.read_bytes().splitlines(keepends=True) if self._record.exists() else []
        return [msgspec.json.decode(line, type=Record) for line in lines if line.endswith(b"\n")]

    @property
    def lost(self) -> list[str]:
        """Status and words of each request that reached a gateway and was not answered with 200."""
        return [
            f"{record.status} {record.text}".rstrip() for record in self.records if record.sent and record.status != 200
        ]

    def until_more(self, requests: int) -> None:
        """Waits until so many that were due from now on have been answered or lost."""
        now = time.monotonic()
        wait_until(
            lambda: sum(record.scheduled >= now for record in self.records) >= requests,
            f"{requests} more requests have been answered or lost",
        )


@contextmanager
def load_on(host: str, *, kubeconfig: Path, service: str, record: Path, rate: float) -> Iterator[Load]:
    """Sends ``rate`` requests a second; in the end waits for all answers that are due."""
    order = Order(
        kubeconfig=str(kubeconfig), service=service, host=host, rate=rate, run=record.stem, record=str(record)
    )
    command = [sys.executable, "-m", "tests.kit.load.generator", msgspec.json.encode(order).decode()]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE)
    load = Load(record)
    try:
        load.until_more(1)
        yield load
    finally:
        process.communicate()
    assert process.returncode == 0, "the load ended by itself"
