"""The account of what became of captured records, as the ledger states it. No I/O, no clock.

    numbers used by nginx = shipped + lost + what is in the spool

It changes by one delivery at a time. A boot's highest number and last file tell what of
a file is delivered already, when a shipper was killed before it could delete the file.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shipper.names import SpoolFile, spool_file
from shipper.records import Tally

VERSION = 1
MOST_BOOTS = 32
"""Starts of nginx that are remembered; files of an older one are long gone."""


class Damaged(Exception):  # noqa: N818 - reads as what it is
    """A ledger that this shipper cannot have written."""


@dataclass(frozen=True)
class Boot:
    """Of a start of nginx: the highest number delivered, the file delivered last, and the latest file by name."""

    sequence: int
    file: str
    latest: str


@dataclass(frozen=True)
class Amount:
    """Of records, bytes of their lines, and files."""

    records: int = 0
    bytes: int = 0
    files: int = 0


@dataclass(frozen=True)
class SinkState:
    """Whether the last delivery succeeded, and if not, why, in one word."""

    ok: bool = True
    reason: str = ""


@dataclass(frozen=True)
class Account:
    """Everything delivered or lost so far."""

    shipped: Amount = Amount()
    lost: Mapping[str, int] = field(default_factory=dict)
    boots: Mapping[str, Boot] = field(default_factory=dict)

    def tally_of(self, file: SpoolFile) -> Tally:
        """Counts a file's lines from its start."""
        boot = self.boots.get(file.boot)
        if boot is None:
            return Tally()
        return Tally(after=boot.sequence, known=boot.sequence if boot.file == file.name else 0)

    def is_late(self, file: SpoolFile) -> bool:
        """Whether an object of the file's plain name may exist, which must not be overwritten."""
        boot = self.boots.get(file.boot)
        latest = spool_file(boot.latest) if boot else None
        return latest is not None and file.order <= latest.order

    def delivered(self, file: SpoolFile, tally: Tally, lost: str = "") -> "Account":
        """After a delivery, or after the loss of a file's records for the given reason."""
        losses = dict(self.lost)
        for reason, count in (("missing", tally.missing), (lost, tally.records if lost else 0)):
            if count:
                losses[reason] = losses.get(reason, 0) + count
        before = self.boots.get(file.boot)
        latest = before.latest if before and self.is_late(file) else file.name
        boots = {boot: state for boot, state in self.boots.items() if boot != file.boot}
        boots[file.boot] = Boot(tally.after, file.name, latest)
        shipped = self.shipped if lost else _plus(self.shipped, tally)
        return replace(self, shipped=shipped, lost=losses, boots=dict([*boots.items()][-MOST_BOOTS:]))


def _plus(before: Amount, tally: Tally) -> Amount:
    return Amount(before.records + tally.records, before.bytes + tally.size, before.files + 1)


def encode(account: Account, spooled: Amount, sink: SinkState) -> bytes:
    """The ledger's text: one line of JSON."""
    shipped = account.shipped
    text = {
        "version": VERSION,
        "shipped": {"records": shipped.records, "bytes": shipped.bytes, "files": shipped.files},
        "lost": dict(account.lost),
        "spooled": {"records": spooled.records, "bytes": spooled.bytes},
        "sink": {"ok": sink.ok, "reason": sink.reason},
        "boots": {boot: [state.sequence, state.file, state.latest] for boot, state in account.boots.items()},
    }
    return json.dumps(text, separators=(",", ":")).encode() + b"\n"


def decode(text: bytes) -> Account:
    """The account in a ledger; raises ``Damaged``."""
    try:
        found: Any = json.loads(text)
        if found["version"] != VERSION:
            raise Damaged("another version")
        shipped = Amount(*(int(found["shipped"][each]) for each in ("records", "bytes", "files")))
        lost = {str(reason): int(count) for reason, count in found["lost"].items()}
        boots = {
            str(boot): Boot(int(number), str(file), str(latest))
            for boot, (number, file, latest) in found["boots"].items()
        }
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise Damaged(type(error).__name__) from error
    return Account(shipped, lost, boots)
