"""HTTP messages as gor writes them, whole or torn, read by h11. Both the recorder and replays use it. No I/O."""

from collections.abc import Iterator
from dataclasses import dataclass

import h11

LARGEST_HEAD = 256 * 1024
Headers = tuple[tuple[str, str], ...]


class Unreadable(Exception):  # noqa: N818 - no error: such messages are expected, and counted
    """Bytes that are no complete HTTP message."""


@dataclass(frozen=True)
class Message:
    """Of a request: method and path. Of a response: its status. Both: headers, by names in lower case, and body."""

    headers: Headers
    body: bytes
    method: str = ""
    target: str = ""
    status: int = 0

    def header(self, name: str) -> str:
        """The last value of a header, by its name in lower case."""
        return dict(self.headers).get(name, "")


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
    connection.send(h11.Request(method=method, target="/", headers=[("host", "target")]))
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
