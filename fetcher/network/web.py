"""HTTP requests over checked connections: redirects, timeouts, statuses, bodies, connection reuse.

Tells temporary failures (worth a retry) from permanent ones. It must not retry itself, nor know what is downloaded.
"""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from urllib.parse import urljoin

from fetcher.failures import DownloadFailed, Interrupted
from fetcher.network.credentials import Secret
from fetcher.network.dial import Line, Target, dial, proxy_of, target
from fetcher.network.forward import Forward
from fetcher.network.reach import Reach
from fetcher.network.statuses import check_status
from fetcher.network.wire import Allowance, Wire

MOST_REDIRECTS = 5
REDIRECTS = {301, 302, 303, 307, 308}
FIXED = {"Accept-Encoding": "identity", "User-Agent": "mlendpoints-model-init"}
AT_ONCE = 128 * 1024


class Response:
    """A response whose body is being read."""

    def __init__(self, response: http.client.HTTPResponse, url: str, allowance: Allowance) -> None:
        self._response = response
        self._allowance = allowance
        self.url = url
        self.status = response.status
        self.headers = response.headers

    def read(self, size: int) -> bytes:
        """The bytes received so far, at most ``size``; empty at the end; raises ``Interrupted``."""
        try:
            chunk = self._response.read1(min(size, AT_ONCE))
        except (OSError, http.client.HTTPException) as error:
            raise _interrupted(error) from error
        self._allowance.got(len(chunk))
        return chunk

    def finish(self) -> bool:
        """Whether all of it was read, so that its connection can be reused."""
        left = self.read(1) if self._response.chunked else self._response.length
        self._response.close()
        return not left


class Client:
    """One connection at a time, reused while requests go to the same server; for one thread."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._connection: Connection | None = None
        self._ended = False

    def get(self, url: str, headers: Mapping[str, str], secret: Secret | None = None) -> Response:
        """A response of status 200, 206 or 416; raises ``DownloadFailed``, ``Interrupted`` or ``Changed``."""
        wanted = target(url)
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._ask(wanted, {**headers, **(secret.towards(wanted) if secret else {})})
            if answer.status not in REDIRECTS:
                check_status(answer, wanted, secret)
                return Response(answer, url, self._allowance)
            url = urljoin(url, answer.headers.get("Location", ""))
            self.close()
            wanted = _redirected(wanted, url)
        raise DownloadFailed(f"the server redirected more than {MOST_REDIRECTS} times")

    def close(self) -> None:
        """Closes the connection; the next request opens another."""
        connection, self._connection = self._connection, None
        if connection:
            connection.close()

    def end(self) -> None:
        """Cancels the request in flight and rejects further ones; called from other threads."""
        self._ended = True
        if connection := self._connection:
            connection.cut()

    @property
    def _allowance(self) -> Allowance:
        if not self._connection:
            raise Interrupted("the download was canceled")
        return self._connection.wire.allowance

    def _ask(self, wanted: Target, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        kept = self._connection if self._connection and self._connection.is_free_for(wanted) else None
        if kept:
            try:
                return kept.ask(wanted, headers)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if not _was_closed_before(error):
                    raise _interrupted(error) from error
        self.close()
        if self._ended:
            raise Interrupted("the download was canceled")
        self._connection = Connection(wanted, self._line)
        try:
            return self._connection.ask(wanted, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise _interrupted(error) from error


class Connection:
    """One connection, opened at once."""

    def __init__(self, wanted: Target, line: Line) -> None:
        self._origin = wanted.origin
        self._proxy = proxy_of(wanted) if wanted.scheme == "http" else None
        self._http = http.client.HTTPConnection(wanted.host, wanted.port)
        self._http.auto_open = 0  # it would connect without checking the address
        self._socket = dial(wanted, line)
        self._http.sock = self.wire = Wire(self._socket, line.read_seconds)
        self._response: http.client.HTTPResponse | None = None

    def is_free_for(self, wanted: Target) -> bool:
        """Whether the last response was read completely, and it leads to the same origin."""
        finished = self._response is None or self._response.isclosed()
        return finished and self._origin == wanted.origin and self._http.sock is not None

    def ask(self, wanted: Target, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """Sends a request and waits for the response's head."""
        path = wanted.path
        more = {"Host": wanted.authority, **FIXED, **headers}
        if wanted.authorization:
            more["Authorization"] = wanted.authorization
        if self._proxy:
            path = f"http://{wanted.authority}{path}"
            more |= {"Proxy-Authorization": self._proxy.authorization} if self._proxy.authorization else {}
        self.wire.allowance.begin()
        self._http.request("GET", path, headers=more)
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


class Web:
    """One client per thread; all are closed together."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._local = threading.local()
        self._clients: list[Client] = []
        self._forwards: list[Forward] = []

    def forward(self, reach: Reach) -> Forward:
        """A proxy for a library that connects by itself; closed with the rest."""
        self._forwards.append(Forward(self._line, reach))
        return self._forwards[-1]

    @property
    def client(self) -> Client:
        """The current thread's client."""
        found = getattr(self._local, "client", None)
        if isinstance(found, Client):
            return found
        client = self._local.client = Client(self._line)
        self._clients.append(client)
        return client

    def check(self, wanted: Target) -> None:
        """Raises ``DownloadFailed`` if the address is blocked, ``Interrupted`` if it cannot be reached."""
        dial(wanted, self._line).close()

    def close(self) -> None:
        """Closes every connection; only once no thread uses one."""
        for forward in self._forwards:
            forward.close()
        for client in self._clients:
            client.close()

    def end(self) -> None:
        """Cancels every thread's requests."""
        for client in self._clients:
            client.end()


def _redirected(before: Target, url: str) -> Target:
    """The target of a redirect."""
    after = target(url)
    if before.scheme == "https" and after.scheme == "http":
        raise DownloadFailed(f"the server redirected from https to http ({after.authority})")
    return after


def _was_closed_before(error: Exception) -> bool:
    """Whether the server had closed an idle connection before the request arrived: not a failure of the request."""
    return isinstance(error, ConnectionError | ssl.SSLError) and not isinstance(error, TimeoutError)


def _interrupted(error: Exception) -> Interrupted:
    if isinstance(error, TimeoutError):
        return Interrupted(str(error))
    return Interrupted(f"the connection was lost: {type(error).__name__}")
