"""Names: files of the spool, and the objects that they become. No I/O, no clock.

1764152430-00c0ffee00c0ffee-1.jsonl            slot, boot, number: nginx writes it during one slot of time
{prefix}/{endpoint}/{variant}/2025/11/26/10/{pod}-1764152430-00c0ffee00c0ffee-1.jsonl
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

SLOT_SECONDS = 10
SETTLED_SECONDS = 10
"""After its slot's end, nginx may still append what it began in the slot."""
PATTERN = re.compile(r"([0-9]{10})-([0-9a-f]{16})(?:-([0-9]{1,6}))?\.jsonl", re.ASCII)


@dataclass(frozen=True)
class SpoolFile:
    """A file by its name; ``number`` is -1 for the first file of a slot."""

    name: str
    slot: int
    boot: str
    number: int

    @property
    def order(self) -> tuple[int, int]:
        """Of the files of one boot, as nginx names them."""
        return self.slot, self.number

    def is_final(self, now: float) -> bool:
        """Whether nginx no longer appends to it."""
        return now > self.slot + SLOT_SECONDS + SETTLED_SECONDS


def spool_file(name: str) -> SpoolFile | None:
    """None for anything that nginx does not write."""
    found = PATTERN.fullmatch(name)
    if not found:
        return None
    slot, boot, number = found.groups()
    return SpoolFile(name, int(slot), boot, -1 if number is None else int(number))


@dataclass(frozen=True)
class Place:
    """Where a pod's objects are, below the sink's own prefix."""

    endpoint: str
    variant: str
    pod: str

    def key(self, file: SpoolFile, sequence: int | None = None) -> str:
        """The path of a file's object; with a sequence number where its plain name may be taken."""
        hour = datetime.fromtimestamp(file.slot, UTC).strftime("%Y/%m/%d/%H")
        folders = "/".join(filter(None, (self.endpoint, self.variant, hour)))
        late = "" if sequence is None else f".{sequence}"
        return f"{folders}/{self.pod}-{file.name.removesuffix('.jsonl')}{late}.jsonl"
