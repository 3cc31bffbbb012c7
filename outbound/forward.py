"""An in-process proxy for the store's library, so that every address it connects to is checked.

    library ──> 127.0.0.1 (password per run) ──> reach ──> guard ──> the store, or the usual proxy

TLS passes through it untouched. It must not know stores, nor inspect what it forwards.
"""

import base64
import contextlib
import secrets
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_network
from urllib.parse import urlsplit, urlunsplit

from outbound.dial import Line, connect, dial, proxy_of
from outbound.failures import Interrupted, RequestFailed
from outbound.guard import METADATA, Guard
from outbound.reach import Reach, Request
from outbound.wire import Allowance

LONGEST_HEAD = 64 * 1024
LONGEST_ANSWER = 16 * 1024 * 1024
"""Bytes from a store between two requests; a page of a list takes some hundred thousand."""
AT_ONCE = 64 * 1024
TOO_LONG = "listing the store timed out; use a prefix with fewer objects"
OF_PROXIES = {"connection", "keep-alive", "proxy-authorization", "proxy-connection"}
IDENTITIES = tuple(ip_network(address) for address in METADATA)


class Forward:
    """The proxy, until it is closed; ``failure`` is the first permanent reason for which it rejected a connection."""

    def __init__(self, line: Line, reach: Reach) -> None:
        self._line = line
        self._reach = reach
        self._password = secrets.token_hex(16)
        self._expected = b"Basic " + base64.b64encode(f"model-init:{self._password}".encode())
        self._listens = socket.create_server(("127.0.0.1", 0))
        self._until = float("inf")
        self.failure: RequestFailed | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """For the library's settings."""
        return f"http://model-init:{self._password}@127.0.0.1:{self._listens.getsockname()[1]}"

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """The block has so many seconds; then new connections are rejected and open ones closed."""
        self._until = time.monotonic() + seconds
        try:
            yield
        finally:
            self._until = float("inf")

    def close(self) -> None:
        """Stops accepting, and closes open connections within a second."""
        self._until = 0
        with contextlib.suppress(OSError):
            self._listens.shutdown(socket.SHUT_RDWR)
        self._listens.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listens.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError, ValueError):  # the client's or the server's end
            client.settimeout(self._line.connect_seconds)
            head, rest = _head(client)
            try:
                request = _parsed(head)
                server = self._connected(request)
            except RequestFailed as failure:
                client.sendall(self._refusal(failure))
                return
            with server:
                if request.method == "CONNECT":
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    server.sendall(_passed_on(request, self._reach) + rest)
                self._pump(client, server)

    def _connected(self, request: Request) -> socket.socket:
        """A connection to an allowed server. A redirected http request arrives here without the password."""
        is_identity = self._reach.is_identity(request)
        if not is_identity:
            self._reach.check(request)
        if not secrets.compare_digest(request.headers.get("proxy-authorization", "").encode(), self._expected):
            raise RequestFailed("another process tried to use model-init's connections")
        if time.monotonic() > self._until:
            raise RequestFailed(TOO_LONG)
        if is_identity:
            guard = Guard((*IDENTITIES, *self._line.guard.allowed))
            return connect(request.wanted, replace(self._line, guard=guard))
        return dial(request.wanted, self._line, tls=False)

    def _refusal(self, failure: RequestFailed) -> bytes:
        """The library retries temporary failures."""
        status = "502 Bad Gateway"
        if not isinstance(failure, Interrupted):
            status, self.failure = "403 Forbidden", self.failure or failure
        return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        """Forwards both directions until one side closes, or the server is too slow or sends too much."""
        allowance, answered = Allowance(self._line.read_seconds), 0
        others = {client: server, server: client}
        for each in others:
            each.settimeout(self._line.read_seconds)
        while time.monotonic() < self._until:
            since = time.monotonic()
            ready, _, _ = select.select(list(others), [], [], min(1, allowance.left()))
            allowance.waited(time.monotonic() - since, 0)
            for source in ready:
                chunk = source.recv(AT_ONCE)
                if not chunk:
                    return
                if source is client:
                    allowance.begin()
                answered = answered + len(chunk) if source is server else 0
                if answered > LONGEST_ANSWER:
                    self.failure = self.failure or RequestFailed("the store's list is larger than any valid list")
                    return
                others[source].sendall(chunk)
        self.failure = self.failure or RequestFailed(TOO_LONG)


def _head(client: socket.socket) -> tuple[bytes, bytes]:
    """A request's head, and the bytes received after it."""
    found = b""
    while b"\r\n\r\n" not in found:
        chunk = client.recv(AT_ONCE)
        found += chunk
        if not chunk or len(found) > LONGEST_HEAD:
            raise OSError("not an HTTP request")
    head, _, rest = found.partition(b"\r\n\r\n")
    return head, rest


def _parsed(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, url, _ = (*first.split(" "), "", "")[:3]
    pairs = (line.partition(":") for line in lines)
    return Request(method, url, {key.strip().lower(): value.strip() for key, _, value in pairs})


def _passed_on(request: Request, reach: Reach) -> bytes:
    """The head as the server or the usual proxy expects it; the connection serves this request only."""
    headers = {key: value for key, value in request.headers.items() if key not in OF_PROXIES} | {"connection": "close"}
    proxy = None if reach.is_identity(request) else proxy_of(request.wanted)
    path = request.url
    if not proxy:
        parts = urlsplit(request.url)
        path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    elif proxy.authorization:
        headers["proxy-authorization"] = proxy.authorization
    lines = [f"{request.method} {path} HTTP/1.1", *(f"{key}: {value}" for key, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
