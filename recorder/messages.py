"""What gor reports: lines of hexadecimal digits -> messages, and which requests and responses belong together. Pure.

Messages of a caller that come through the proxy have its request ID. Others, such as probes, are nobody's request.
"""

import binascii
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from replay.gor import format as gor

WAITING_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class Pair:
    """A request and its response, as gor has put them together from packets; one of them may be missing."""

    request: gor.Record | None
    response: gor.Record | None


class Pairs:
    """Messages that wait for the other one, for a time and within a budget of memory."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waiting: OrderedDict[str, tuple[gor.Record, float]] = OrderedDict()
        self._bytes = 0

    def add(self, record: gor.Record, now: float) -> Iterator[Pair]:
        """What is complete with this message, or waits no longer."""
        found = self._waiting.get(record.name)
        if found is None:
            self._waiting[record.name] = record, now
            self._bytes += len(record.message)
        elif found[0].kind != record.kind:
            other = self._take(record.name)
            yield _pair(record, other)
        yield from self.expired(now)

    def expired(self, now: float) -> Iterator[Pair]:
        """What waits no longer."""
        while self._waiting:
            record, since = next(iter(self._waiting.values()))
            if now - since < self._seconds and self._bytes <= WAITING_BYTES:
                return
            yield _pair(self._take(record.name))

    def rest(self) -> Iterator[Pair]:
        """What is still waiting at the end."""
        while self._waiting:
            yield _pair(self._take(next(iter(self._waiting))))

    def _take(self, name: str) -> gor.Record:
        record, _ = self._waiting.pop(name)
        self._bytes -= len(record.message)
        return record


def _pair(*records: gor.Record) -> Pair:
    by_kind = {record.kind: record for record in records}
    return Pair(by_kind.get(gor.REQUEST), by_kind.get(gor.RESPONSE))


def read_line(line: bytes) -> gor.Record | None:
    """None if it is no message."""
    try:
        return gor.read(binascii.unhexlify(line.strip()))
    except ValueError:
        return None
