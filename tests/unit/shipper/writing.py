"""Writes a spool as nginx does: one line for each record, numbered from 1 for each of its starts."""

import json
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

BOOTS = (f"{number:016x}" for number in count(1))
OLD_SLOT = 1_764_152_430
"""2025-11-26T10:20:30Z: files of it are final."""


def line(boot: str, sequence: int, data: str = "1,2,3") -> bytes:
    """A record as nginx writes it."""
    body = {"mode": "INPUT", "encoding": "CSV", "data": data}
    record = {
        "captureData": {"endpointInput": body},
        "eventMetadata": {"eventId": f"{boot}-{sequence}", "inferenceTime": "2025-11-26T10:20:33Z"},
        "eventVersion": "0",
        "mlendpoints": {"endpoint": "titanic", "variant": "main", "boot": boot, "sequence": sequence, "status": 200},
    }
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


@dataclass
class Writer:
    """One start of nginx, and all lines that it has written."""

    spool: Path
    boot: str = field(default_factory=lambda: next(BOOTS))
    slot: int = OLD_SLOT
    number: int = -1
    sequence: int = 0
    written: list[bytes] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Of the file that it appends to."""
        return f"{self.slot}-{self.boot}.jsonl" if self.number < 0 else f"{self.slot}-{self.boot}-{self.number}.jsonl"

    def write(self, records: int = 1, data: str = "1,2,3") -> None:
        """Appends so many records to its file."""
        for _ in range(records):
            self.sequence += 1
            self.written.append(line(self.boot, self.sequence, data))
            self.append(self.written[-1])

    def tear(self) -> None:
        """Writes a part of a record, and begins another file as nginx does."""
        self.append(line(self.boot, self.sequence + 1)[:50])
        self.number += 1

    def lose(self) -> None:
        """A number whose record never reaches the spool."""
        self.sequence += 1

    def next_slot(self) -> None:
        """Time passes."""
        self.slot, self.number = self.slot + 10, -1

    def rename(self, slot: int) -> None:
        """Its file is of another slot."""
        before, self.slot = self.spool / self.name, slot
        before.rename(self.spool / self.name)

    def append(self, content: bytes) -> None:
        """Whatever it is."""
        with (self.spool / self.name).open("ab") as file:
            file.write(content)
