"""One HTTP/1.1 connection, one request at a time. Nothing is ever sent twice."""

import asyncio

from msgspec import Struct

_HEAD_END = b"\r\n\r\n"


class LostError(Exception):
    """There will be no answer; the words say why."""


class Answer(Struct, frozen=True):
    """A whole answer; ``closes``: the server takes no further request on this connection."""

    status: int
    body: str
    closes: bool


class Wire(asyncio.Protocol):
    """A connection that knows whether it may be used."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._answer: asyncio.Future[Answer] | None = None

    @property
    def is_open(self) -> bool:
        """Whether a request may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        """Sends it; the future raises ``LostError`` when the connection ends before the answer does."""
        if self._transport is None:
            raise LostError("there is no connection")
        self._buffer = b""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        """Ends the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Resolves the future once the answer is whole."""
        self._buffer += data
        try:
            answer = parse(self._buffer)
        except LostError as error:
            self._fail(error)
            return
        if answer is not None and self._answer is not None and not self._answer.done():
            if answer.closes:
                self.close()
            self._answer.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fails the request that waits, if one does."""
        self._transport = None
        self._fail(LostError(f"connection ended before the answer: {exc or 'closed by the server'}"))

    def _fail(self, error: LostError) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
            self.close()


async def connect(address: str) -> Wire:
    """A new connection to IP:port; raises ``OSError``."""
    host, _, port = address.rpartition(":")
    _, wire = await asyncio.get_running_loop().create_connection(Wire, host, int(port))
    return wire


def parse(received: bytes) -> Answer | None:
    """The answer if it is whole; raises ``LostError`` for one that does not say how long it is."""
    head, separator, body = received.partition(_HEAD_END)
    if not separator:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "content-length" not in headers:
        raise LostError(f"answer without a length: {first}")
    length = int(headers["content-length"])
    if len(body) < length:
        return None
    closes = headers.get("connection", "").lower() == "close"
    return Answer(int(first.split(" ")[1]), body[:length].decode(errors="replace"), closes)
