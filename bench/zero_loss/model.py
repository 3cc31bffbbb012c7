"""A model server that writes down the id of each invocation; it runs by ``python3 -c`` in a model pod.

Standard library alone. Its answer is the environment's ``ANSWER``, so that a
caller can tell versions apart; the body says how many milliseconds that takes.
SIGTERM ends it at once: whatever still comes then is lost, as it shall be seen.
"""

import asyncio
import os
import signal
import sys

ANSWER = os.environ.get("ANSWER", "").encode()
PING = os.environ.get("PING", "200")  # status of the health check
_ID = b"x-amzn-sagemaker-inference-id"
_HEAD_END = b"\r\n\r\n"


class Server(asyncio.Protocol):
    """One connection of the proxy."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins with nothing."""
        self._transport = transport
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        """Answers each request that is complete."""
        self._buffer += data
        while _HEAD_END in self._buffer:
            head, _, rest = self._buffer.partition(_HEAD_END)
            first, *lines = head.split(b"\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
            length = int(headers.get(b"content-length", 0))
            if len(rest) < length:
                return
            self._buffer = rest[length:]
            self._handle(first, headers, rest[:length])

    def _handle(self, first: bytes, headers: dict[bytes, bytes], body: bytes) -> None:
        if first.startswith(b"GET"):
            self._answer(PING.encode(), b"")
            return
        os.write(sys.stdout.fileno(), headers.get(_ID, b"-") + b"\n")
        asyncio.get_running_loop().call_later(int(body or 0) / 1000, self._answer, b"200", ANSWER)

    def _answer(self, status: bytes, body: bytes) -> None:
        head = b"HTTP/1.1 %b -\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.write(head + body)


async def serve() -> None:
    """Listens until SIGTERM."""
    server = await asyncio.get_running_loop().create_server(Server, "0.0.0.0", 8080)  # noqa: S104 - the pod's address
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    asyncio.run(serve())
