"""What gor reports: lines of hexadecimal digits -> requests and responses, and which belong together. No I/O, no clock.

Messages of a caller that come through the proxy have its request ID. Others, such as probes, are nobody's request.
"""

import binascii
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import h11

from replay.gor import format as gor

LARGEST_HEAD = 256 * 1024
WAITING_BYTES = 32 * 1024 * 1024
Headers = tuple[tuple[str, str], ...]


class Unreadable(Exception):  # noqa: N818 - no error: such messages are expected, and counted
    """Bytes that are no complete HTTP message."""


@dataclass(frozen=True)
class Pair:
    """A request and its response, as gor has put them together from packets; one of them may be missing."""

    request: gor.Record | None
    response: gor.Record | None


@dataclass(frozen=True)
class Message:
    """Of a request: method and path. Of a response: its status. Both: headers and body."""

    headers: Headers
    body: bytes
    method: str = ""
    target: str = ""
    status: int = 0

    def header(self, name: str) -> str:
        """The last value of a header, by its name in lower case."""
        return dict(self.headers).get(name, "")


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


def read_request(message: bytes) -> Message:
    """Raises ``Unreadable``."""
    events = _events(h11.Connection(h11.SERVER, max_incomplete_event_size=LARGEST_HEAD), message)
    head = next(events, None)
    if not isinstance(head, h11.Request):
        raise Unreadable
    target = head.target.decode("latin-1")
    return Message(_headers(head), _body(events), method=head.method.decode(), target=target)


def read_response(message: bytes, method: str) -> Message:
    """Raises ``Unreadable``."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)
    connection.send(h11.Request(method=method, target="/", headers=[("host", "recorder")]))
    connection.send(h11.EndOfMessage())
    events = _events(connection, message)
    head = next((event for event in events if not isinstance(event, h11.InformationalResponse)), None)
    if not isinstance(head, h11.Response):
        raise Unreadable
    return Message(_headers(head), _body(events), status=head.status_code)


def _events(connection: h11.Connection, message: bytes) -> Iterator[h11.Event]:
    try:
        connection.receive_data(message)
        connection.receive_data(b"")
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return
            yield event  # type: ignore[misc] # h11's sentinels are handled above
    except (h11.ProtocolError, RuntimeError) as error:
        raise Unreadable from error


def _body(events: Iterator[h11.Event]) -> bytes:
    parts: list[bytes] = []
    for event in events:
        if isinstance(event, h11.EndOfMessage):
            return b"".join(parts)
        if isinstance(event, h11.Data):
            parts.append(bytes(event.data))
    raise Unreadable


def _headers(head: h11.Request | h11.Response) -> Headers:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers)
