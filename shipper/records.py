"""What lines of a spool file hold: records with sequence numbers. No I/O.

Of a line, only its sequence number is read. It is found by the key before it, which
cannot occur in what a caller or a model sent: quotes within strings are escaped.
"""

import re
from dataclasses import dataclass

OWN = b'"mlendpoints":{'
SEQUENCE = re.compile(rb'"sequence":([1-9][0-9]{0,14})[,}]')


def sequence_of(line: bytes) -> int | None:
    """The record's number within its boot; None if the line is not a whole record."""
    if not (line.startswith(b"{") and line.endswith(b"}\n")):
        return None
    own = line.rfind(OWN)
    found = SEQUENCE.search(line, own) if own >= 0 else None
    return int(found[1]) if found else None


@dataclass
class Tally:
    """The account of lines, one after another. Numbers missing before a record are those of lost records.

    ``after`` is the boot's highest number so far. Up to ``known``, records have been
    delivered from this very file; they are skipped. ``size`` is that of the records,
    ``seen`` that of all whole lines.
    """

    after: int = 0
    known: int = 0
    first: int = 0
    records: int = 0
    size: int = 0
    missing: int = 0
    unreadable: int = 0
    seen: int = 0

    def add(self, line: bytes) -> bool:
        """Whether the line is a record to deliver."""
        self.seen += len(line)
        sequence = sequence_of(line)
        if sequence is None:
            self.unreadable += 1
            return False
        if sequence <= self.known:
            return False
        self.first = self.first or sequence
        self.missing += max(0, sequence - self.after - 1)
        self.after = max(self.after, sequence)
        self.records += 1
        self.size += len(line)
        return True
