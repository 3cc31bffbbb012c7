"""One HTTP connection over a checked socket, also through a proxy. It must not follow redirects, nor judge statuses."""

import contextlib
import http.client
import socket
from collections.abc import Iterable, Mapping

from outbound.dial import Line, Target, dial, proxy_of
from outbound.wire import Pace, Wire


class Connection:
    """One connection, opened at once."""

    def __init__(self, wanted: Target, line: Line, pace: Pace) -> None:
        self.pace = pace
        self._origin = wanted.origin
        self._proxy = proxy_of(wanted) if wanted.scheme == "http" else None
        self._http = http.client.HTTPConnection(wanted.host, wanted.port)
        self._http.auto_open = 0  # it would connect without checking the address
        self._socket = dial(wanted, line)
        self._http.sock = Wire(self._socket, pace)
        self._response: http.client.HTTPResponse | None = None

    def is_free_for(self, wanted: Target) -> bool:
        """Whether the last response was read completely, and it leads to the same origin."""
        finished = self._response is None or self._response.isclosed()
        return finished and self._origin == wanted.origin and self._http.sock is not None

    def ask(
        self, wanted: Target, headers: Mapping[str, str], method: str = "GET", body: Iterable[bytes] | None = None
    ) -> http.client.HTTPResponse:
        """Sends a request and waits for the response's head; a body needs its Content-Length among the headers."""
        path = wanted.path
        more = {"Host": wanted.authority, **headers}
        if wanted.authorization:
            more["Authorization"] = wanted.authorization
        if self._proxy:
            path = f"http://{wanted.authority}{path}"
            more |= {"Proxy-Authorization": self._proxy.authorization} if self._proxy.authorization else {}
        self.pace.begin()
        try:
            self._http.request(method, path, body, more)
        except (BrokenPipeError, ConnectionResetError):
            if body is None:
                raise  # else the server may have responded before it received everything
        self._response = self._http.getresponse()
        return self._response

    def cut(self) -> None:
        """Wakes the thread that waits for bytes."""
        with contextlib.suppress(OSError):  # it may be closed already
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Closes it, whatever is in flight."""
        if self._response:
            self._response.close()
        self._http.close()
