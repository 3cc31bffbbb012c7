"""HTTP requests over checked connections: redirects, timeouts, statuses, bodies, connection reuse.

Tells temporary failures (worth a retry) from permanent ones. It must not retry itself, nor know what is downloaded.
"""

import http.client
import ssl
import threading
from collections.abc import Mapping
from urllib.parse import urljoin

from fetcher.network.statuses import check_status
from outbound.connection import Connection
from outbound.credentials import Secret
from outbound.dial import Line, Target, target
from outbound.failures import Interrupted, RequestFailed
from outbound.forward import Forward
from outbound.reach import Reach
from outbound.wire import Allowance, Pace

MOST_REDIRECTS = 5
REDIRECTS = {301, 302, 303, 307, 308}
FIXED = {"Accept-Encoding": "identity", "User-Agent": "mlendpoints-model-init"}
AT_ONCE = 128 * 1024


class Response:
    """A response whose body is being read."""

    def __init__(self, response: http.client.HTTPResponse, url: str, pace: Pace) -> None:
        self._response = response
        self._pace = pace
        self.url = url
        self.status = response.status
        self.headers = response.headers

    def read(self, size: int) -> bytes:
        """The bytes received so far, at most ``size``; empty at the end; raises ``Interrupted``."""
        try:
            chunk = self._response.read1(min(size, AT_ONCE))
        except (OSError, http.client.HTTPException) as error:
            raise _interrupted(error) from error
        self._pace.got(len(chunk))
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
        """A response of status 200, 206 or 416; raises ``RequestFailed``, ``Interrupted`` or ``Changed``."""
        wanted = target(url)
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._ask(wanted, {**headers, **(secret.towards(wanted) if secret else {})})
            if answer.status not in REDIRECTS:
                check_status(answer, wanted, secret)
                return Response(answer, url, self._pace)
            url = urljoin(url, answer.headers.get("Location", ""))
            self.close()
            wanted = _redirected(wanted, url)
        raise RequestFailed(f"the server redirected more than {MOST_REDIRECTS} times")

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
    def _pace(self) -> Pace:
        if not self._connection:
            raise Interrupted("the download was canceled")
        return self._connection.pace

    def _ask(self, wanted: Target, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        kept = self._connection if self._connection and self._connection.is_free_for(wanted) else None
        if kept:
            try:
                return kept.ask(wanted, {**FIXED, **headers})
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if not _was_closed_before(error):
                    raise _interrupted(error) from error
        self.close()
        if self._ended:
            raise Interrupted("the download was canceled")
        self._connection = Connection(wanted, self._line, Allowance(self._line.read_seconds))
        try:
            return self._connection.ask(wanted, {**FIXED, **headers})
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise _interrupted(error) from error


class Web:
    """One client per thread; all are closed together."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self._local = threading.local()
        self._clients: list[Client] = []
        self._forwards: list[Forward] = []

    def forward(self, reach: Reach) -> Forward:
        """A proxy for a library that connects by itself; closed with the rest."""
        self._forwards.append(Forward(self.line, reach))
        return self._forwards[-1]

    @property
    def client(self) -> Client:
        """The current thread's client."""
        found = getattr(self._local, "client", None)
        if isinstance(found, Client):
            return found
        client = self._local.client = Client(self.line)
        self._clients.append(client)
        return client

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
        raise RequestFailed(f"the server redirected from https to http ({after.authority})")
    return after


def _was_closed_before(error: Exception) -> bool:
    """Whether the server had closed an idle connection before the request arrived: not a failure of the request."""
    return isinstance(error, ConnectionError | ssl.SSLError) and not isinstance(error, TimeoutError)


def _interrupted(error: Exception) -> Interrupted:
    if isinstance(error, TimeoutError):
        return Interrupted(str(error))
    return Interrupted(f"the connection was lost: {type(error).__name__}")
