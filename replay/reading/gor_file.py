"""Captures of raw traffic by gor -> exchanges. No I/O.

A response follows its request sooner or later, or even precedes it. Each waits for the
other in bounded memory, object by object; what waited longest then goes without.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from replay.exchange import Exchange, Origin, Request, Response, Skipped, lowered
from replay.gor import format as gor
from replay.gor.http import Unreadable
from replay.gor.messages import read_request, read_response

WAITING_BYTES = 64 * 1024 * 1024


class Pairs:
    """Requests and responses that wait for the other."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, gor.Record] = OrderedDict()
        self._bytes = 0

    def add(self, record: gor.Record) -> Iterator[Exchange | Skipped]:
        """What is complete with this record, or can wait no longer."""
        if record.kind not in {gor.REQUEST, gor.RESPONSE}:
            return
        other = self._waiting.get(record.name)
        if other is None:
            self._waiting[record.name] = record
            self._bytes += len(record.message)
            while self._bytes > WAITING_BYTES:
                yield self._oldest()
        elif other.kind == record.kind:
            yield Skipped.MALFORMED
        else:
            self._take(record.name)
            yield _exchange(record, other) if record.kind == gor.REQUEST else _exchange(other, record)

    def rest(self) -> Iterator[Exchange | Skipped]:
        """What is still waiting."""
        while self._waiting:
            yield self._oldest()

    def _oldest(self) -> Exchange | Skipped:
        found = self._take(next(iter(self._waiting)))
        return _exchange(found) if found.kind == gor.REQUEST else Skipped.NO_REQUEST

    def _take(self, name: str) -> gor.Record:
        found = self._waiting.pop(name)
        self._bytes -= len(found.message)
        return found


@dataclass(frozen=True)
class _Answer:
    response: Response | None = None
    variant: str = ""
    seconds: float | None = None


def _exchange(asked: gor.Record, answered: gor.Record | None = None) -> Exchange | Skipped:
    try:
        request = read_request(asked.message)
    except Unreadable:
        return Skipped.MALFORMED
    answer = _answer(asked, answered, request) if answered else _Answer()
    return Exchange(
        name=asked.name,
        nanoseconds=asked.nanoseconds,
        request=request,
        response=answer.response,
        seconds=answer.seconds,
        origin=Origin(variant=answer.variant, host=lowered(request.headers).get("host", "")),
    )


def _answer(asked: gor.Record, answered: gor.Record, request: Request) -> _Answer:
    """Both records have the time of their first packet; the duration is that of their own packets."""
    try:
        response, variant = read_response(answered.message, request.method)
    except Unreadable:
        return _Answer()
    return _Answer(response, variant, max(0, answered.nanoseconds - asked.nanoseconds) / 1e9)


def exchanges(chunks: Iterable[bytes], longest: int) -> Iterator[Exchange | Skipped]:
    """All of one object."""
    pairs = Pairs()
    for piece in gor.pieces(chunks, longest):
        record = gor.read(piece) if piece is not None else None
        if record is not None:
            yield from pairs.add(record)
        else:
            yield Skipped.LINE_TOO_LONG if piece is None else Skipped.MALFORMED
    yield from pairs.rest()
