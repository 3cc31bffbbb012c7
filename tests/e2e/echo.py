"""The model server of these tests; it runs by ``python3 -c`` in a model pod, standard library alone.

Answers every invocation by ``ANSWER``. The body says how long that takes: a
number of milliseconds, or ``{"seconds": 2, "pieces": 4}``, with pieces as a
stream. ``{"status": 500}`` is answered so, ``{"early": 103}`` so first;
``{"exit": 1}`` ends the process. SIGTERM ends it at once: whoever still waits then is lost.
"""

import json
import os
import signal
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWER = os.environ.get("ANSWER", "").encode()
PING = int(os.environ.get("PING") or 200)  # status of the health check
IDLE = float(os.environ.get("IDLE") or "inf")  # seconds; a connection unused for longer closes just as it is used


class Handler(BaseHTTPRequestHandler):
    """One connection of the proxy."""

    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        """Closes instead, when the connection's time is up."""
        began = time.monotonic()
        self.rfile.peek(1)  # type: ignore[attr-defined]
        if time.monotonic() - began > IDLE:
            self.close_connection = True
        else:
            super().handle_one_request()

    def do_GET(self) -> None:
        """The health check."""
        self._answer(PING)

    def do_POST(self) -> None:
        """An invocation."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        wish: dict[str, Any] = asked if isinstance(asked, dict) else {"seconds": asked / 1000}
        if status := wish.get("exit"):
            os._exit(status)
        if status := wish.get("early"):
            self.send_response_only(status)
            self.end_headers()
        if pieces := wish.get("pieces"):
            self._stream(pieces, wish["seconds"] / pieces)
        else:
            time.sleep(wish.get("seconds", 0))
            self._answer(wish.get("status", 200))

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def _stream(self, pieces: int, pause: float) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for _ in range(pieces):
            time.sleep(pause)
            self.wfile.write(b"%x\r\n%b\r\n" % (len(ANSWER), ANSWER))
        self.wfile.write(b"0\r\n\r\n")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
