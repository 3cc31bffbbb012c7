"""Captures of raw traffic by gor -> exchanges. No I/O.

A response follows its request, sooner or later. Requests wait for theirs in bounded
memory, object by object; those that waited longest then go without.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from replay.exchange import Exchange, Origin, Request, Skipped, Unusable, lowered
from replay.gor import format as gor
from replay.gor.messages import Unreadable, read_request, read_response

WAITING_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class _Waiting:
    record: gor.Record
    request: Request


class Pairs:
    """Requests that wait for their responses."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()
        self._bytes = 0

    def add(self, record: gor.Record) -> Iterator[Exchange]:
        """What is complete with this record; raises ``Unusable``."""
        if record.kind == gor.REQUEST:
            yield from self._wait(record)
        elif record.kind == gor.RESPONSE:
            yield self._paired(record)

    def rest(self) -> Iterator[Exchange]:
        """Requests without a response."""
        while self._waiting:
            yield self._oldest()

    def _wait(self, record: gor.Record) -> Iterator[Exchange]:
        try:
            request = read_request(record.message)
        except Unreadable as error:
            raise Unusable(Skipped.MALFORMED) from error
        if record.name in self._waiting:
            raise Unusable(Skipped.MALFORMED)
        self._waiting[record.name] = _Waiting(record, request)
        self._bytes += len(record.message)
        while self._bytes > WAITING_BYTES:
            yield self._oldest()

    def _oldest(self) -> Exchange:
        _, found = self._waiting.popitem(last=False)
        self._bytes -= len(found.record.message)
        return _exchange(found)

    def _paired(self, record: gor.Record) -> Exchange:
        found = self._waiting.pop(record.name, None)
        if found is None:
            raise Unusable(Skipped.NO_REQUEST)
        self._bytes -= len(found.record.message)
        return _exchange(found, record)


def _exchange(found: _Waiting, answer: gor.Record | None = None) -> Exchange:
    response, variant = None, ""
    if answer:
        try:
            response, variant = read_response(answer.message, found.request.method)
        except Unreadable:
            answer = None
    return Exchange(
        name=found.record.name,
        nanoseconds=found.record.nanoseconds,
        request=found.request,
        response=response,
        seconds=answer.duration / 1e9 if answer else None,
        origin=Origin(variant=variant, host=lowered(found.request.headers).get("host", "")),
    )


def exchanges(chunks: Iterable[bytes], longest: int) -> Iterator[Exchange | Skipped]:
    """All of one object."""
    pairs = Pairs()
    for piece in gor.pieces(chunks, longest):
        if piece is None:
            yield Skipped.LINE_TOO_LONG
            continue
        record = gor.read(piece)
        if record is None:
            yield Skipped.MALFORMED
            continue
        try:
            yield from pairs.add(record)
        except Unusable as unusable:
            yield unusable.reason
    yield from pairs.rest()
