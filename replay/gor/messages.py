"""HTTP messages as gor records them, read by h11. No I/O."""

from collections.abc import Iterable, Iterator

import h11

from replay.exchange import Headers, Request, Response, lowered

VARIANT = "x-amzn-invoked-production-variant"
LARGEST_HEAD = 256 * 1024


class Unreadable(Exception):  # noqa: N818 - no error: such messages are expected, and counted
    """Bytes that are no complete HTTP message."""


def read_request(message: bytes) -> Request:
    """Raises ``Unreadable``."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=LARGEST_HEAD)
    events = _events(connection, message)
    head = next(events, None)
    if not isinstance(head, h11.Request):
        raise Unreadable
    body = _body(events)
    return Request(head.method.decode(), head.target.decode("latin-1"), _headers(head.headers), body)


def read_response(message: bytes, method: str) -> tuple[Response, str]:
    """The response, and the variant that it names; raises ``Unreadable``."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)
    connection.send(h11.Request(method=method, target="/", headers=[("host", "replay")]))
    connection.send(h11.EndOfMessage())
    events = _events(connection, message)
    head = next((event for event in events if not isinstance(event, h11.InformationalResponse)), None)
    if not isinstance(head, h11.Response):
        raise Unreadable
    body, headers = _body(events), lowered(_headers(head.headers))
    encoding = headers.get("content-encoding", "")
    return Response(head.status_code, headers.get("content-type", ""), body, encoding), headers.get(VARIANT, "")


def _events(connection: h11.Connection, message: bytes) -> Iterator[h11.Event]:
    try:
        connection.receive_data(message)
        connection.receive_data(b"")
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return
            yield event  # type: ignore[misc] # h11's sentinels are handled above
    except h11.ProtocolError as error:
        raise Unreadable from error


def _body(events: Iterator[h11.Event]) -> bytes:
    parts: list[bytes] = []
    for event in events:
        if isinstance(event, h11.EndOfMessage):
            return b"".join(parts)
        if isinstance(event, h11.Data):
            parts.append(bytes(event.data))
    raise Unreadable


def _headers(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
