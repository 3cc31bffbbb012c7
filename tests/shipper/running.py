"""Runs the shipper in this process or as one of its own, and looks at its ledger and its log."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from shipper.__main__ import assemble
from shipper.names import Place
from shipper.settings import Settings
from shipper.shipping import Shipping
from tests.images.processes import ROOT
from tests.kit.waiting import wait_until
from tests.unit.shipper.writing import Writer

PLACE = Place("titanic", "main", "titanic-main-7d9")
FOLDER = "titanic/main/2025/11/26/10"
QUICK: Mapping[str, float] = {
    "look_seconds": 0.02,
    "quiet_seconds": 0.2,
    "pause_seconds": 0.01,
    "connect_seconds": 5,
    "request_seconds": 20,
}


@dataclass
class Pod:
    """A pod's spool, the claim of a sink and a Secret, in a scratch folder."""

    scratch: Path
    writers: list[Writer] = field(default_factory=list)

    @property
    def spool(self) -> Path:
        return self.scratch / "spool"

    @property
    def claim(self) -> Path:
        return self.scratch / "claim"

    def __post_init__(self) -> None:
        self.spool.mkdir()
        self.claim.mkdir()

    def nginx(self, **state: Any) -> Writer:  # noqa: ANN401 - a writer's fields
        """Another start of nginx."""
        self.writers.append(Writer(self.spool, **state))
        return self.writers[-1]

    @property
    def written(self) -> list[bytes]:
        return [each for writer in self.writers for each in writer.written]

    def secret(self, values: Mapping[str, str]) -> Path:
        """A folder as that of a mounted Secret."""
        folder = self.scratch / "secret"
        folder.mkdir(exist_ok=True)
        for key, value in values.items():
            (folder / key).write_text(value)
        return folder

    def settings(self, sink: str, **more: Any) -> Settings:  # noqa: ANN401 - the settings' fields
        """Quick, and allowed to connect to this machine."""
        allowed = (ip_network("127.0.0.0/8"), ip_network("::1"))
        fixed = {"spool": self.spool, "sink": sink, "place": PLACE, "claim": self.claim, "allowed_addresses": allowed}
        return Settings(**{**fixed, **QUICK, **more})

    def environment(self, sink: str, **more: str) -> dict[str, str]:
        """The same for a process of its own."""
        settings = {name.upper(): str(value) for name, value in QUICK.items()}
        names = {"ENDPOINT": PLACE.endpoint, "VARIANT": PLACE.variant, "POD": PLACE.pod, "INSTANCE": "titanic-main"}
        folders = {"SPOOL": str(self.spool), "CLAIM": str(self.claim)}
        return {**os.environ, **settings, **names, **folders, "SINK": sink, "ALLOWED_ADDRESSES": "127.0.0.0/8", **more}

    def ledger(self) -> dict[str, Any]:
        """As nginx reads it; empty before the first one."""
        path = self.spool / ".ledger.json"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def account(self) -> tuple[int, int, dict[str, int]]:
        """Records shipped, spooled and lost."""
        found = self.ledger()
        return found["shipped"]["records"], found["spooled"]["records"], found["lost"]

    def until(self, holds: Callable[[dict[str, Any]], Any], what: str) -> None:
        """Waits for a ledger."""
        wait_until(lambda: (found := self.ledger()) and holds(found), what, last=self.ledger, timeout=60, pause=0.01)

    def until_shipped(self) -> None:
        """All that was written so far."""
        count = len(self.written)
        self.until(lambda ledger: ledger["shipped"]["records"] == count, f"{count} records are shipped")

    def until_more_than(self, count: int) -> None:
        """Some of what was written since."""
        self.until(lambda ledger: ledger["shipped"]["records"] > count, f"more than {count} records are shipped")

    def until_failing(self, reason: str) -> None:
        """The sink's state."""
        self.until(lambda ledger: ledger["sink"] == {"ok": False, "reason": reason}, f"the sink's reason is {reason}")

    def files(self) -> list[str]:
        """Names of the spool's files of records."""
        return sorted(path.name for path in self.spool.glob("*.jsonl"))

    def on_claim(self, folder: str = "") -> dict[str, bytes]:
        """Path and content of each file of the claim."""
        root = self.claim / folder
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@contextmanager
def shipping(settings: Settings) -> Iterator[Shipping]:
    """The shipper, until the block ends; then it drains."""
    made = assemble(settings)
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield made
    finally:
        made.stop()
        thread.join()


@contextmanager
def process(environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The shipper as a process of its own; it is stopped if it still runs."""
    command = [sys.executable, "-m", "shipper"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            if running.poll() is None:
                running.send_signal(signal.SIGTERM)
                running.wait()


def whole(objects: Mapping[str, bytes]) -> list[bytes]:
    """All lines, in the order of the objects' names."""
    return b"".join(objects[key] for key in sorted(objects)).splitlines(keepends=True)
