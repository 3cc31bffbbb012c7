"""Connects to the server of a URL: DNS, blocked addresses, proxies, TLS.

Proxies come from the usual variables (``http_proxy``, ``https_proxy``, ``no_proxy``).
Through a proxy, the proxy connects; the addresses that the name resolves to here are
checked nevertheless. It must not know requests.
"""

import base64
import contextlib
import os
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined] # typeshed lacks it

from outbound.failures import SECRET, Interrupted, RequestFailed, Unresolved, Untrusted, public
from outbound.guard import Guard

PORTS = {"http": 80, "https": 443}
LONGEST_ANSWER = 16 * 1024
MOST_ADDRESSES = 8
"""Addresses of one name that are tried, each with the full connection timeout."""
Origin = tuple[str, str, int]
"""Scheme, host and port."""


@dataclass(frozen=True)
class Target:
    """The server and path of a URL."""

    scheme: str
    host: str
    port: int
    path: str
    authorization: str

    @property
    def origin(self) -> Origin:
        """Requests to the same origin can share a connection."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Host and port as in a Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True)
class Line:
    """How to connect. Times in seconds."""

    guard: Guard
    connect_seconds: float
    read_seconds: float
    ca_file: Path | None = None


def target(url: str) -> Target:
    """Raises ``RequestFailed`` if it is not an http(s) URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError as error:  # its text may contain part of the password
        raise RequestFailed(
            "this is not a valid URL; check its host and port, and write special characters of a password as %XX"
        ) from error
    if parts.scheme not in PORTS or not host:
        raise RequestFailed(f"{public(url)} cannot be fetched: only http and https URLs are supported")
    path = quote(parts.path or "/", safe="%/:=&~+!$,;'@()*[]") + (f"?{_query(parts.query)}" if parts.query else "")
    return Target(parts.scheme, host, port or PORTS[parts.scheme], path, _basic(parts.username, parts.password))


def _query(query: str) -> str:
    return quote(query, safe="%/:=&?~+!$,;'@()*[]")


def _basic(user: str | None, password: str | None) -> str:
    """The value of an Authorization header; empty without a user."""
    if not user:
        return ""
    return "Basic " + base64.b64encode(f"{unquote(user)}:{unquote(password or '')}".encode()).decode()


def proxy_of(wanted: Target) -> Target | None:
    """The proxy for it according to the environment."""
    named = getproxies_environment()
    url = named.get(wanted.scheme)
    if not url or proxy_bypass_environment(wanted.authority) or _is_within(wanted.host, named.get("no", "")):
        return None
    proxy = target(url if "://" in url else f"http://{url}")
    if proxy.scheme != "http":
        raise RequestFailed("the proxy URL must start with http://")
    return proxy


def _is_within(host: str, networks: str) -> bool:
    """Whether it is an address within a network in ``no_proxy``; names are not resolved for this."""
    with contextlib.suppress(ValueError):
        address = ip_address(host)
        return any(address in network for text in networks.split(",") for network in _network(text.strip()))
    return False


def _network(text: str) -> Iterator[IPv4Network | IPv6Network]:
    with contextlib.suppress(ValueError):
        yield ip_network(text, strict=False)


def dial(wanted: Target, line: Line, *, tls: bool = True) -> socket.socket:
    """A connection that is ready for requests, or for a TLS handshake; raises ``RequestFailed`` or ``Interrupted``."""
    proxy = proxy_of(wanted)
    with _translated(proxy or wanted):
        if proxy:
            _check_meaning(wanted, line.guard)
            connection = connect(proxy, line, guarded=False)
        else:
            connection = connect(wanted, line)
        with _closed_on_failure(connection):
            if proxy and wanted.scheme == "https":
                _tunnel(connection, wanted, proxy, line.connect_seconds)
                connection.settimeout(line.connect_seconds)
            if wanted.scheme == "https" and tls:
                connection = _trust(line.ca_file, _changed(line.ca_file)).wrap_socket(
                    connection, server_hostname=wanted.host
                )
            return connection


@contextlib.contextmanager
def _translated(towards: Target) -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise Untrusted(
            f"the certificate of {towards.authority} is not trusted ({error.verify_message}); "
            f"add its authority's certificate as ca.crt to {SECRET}"
        ) from error
    except socket.gaierror as error:
        raise Unresolved(
            f"the host {towards.host} could not be resolved ({error.strerror}); check its spelling, and that "
            "the cluster's DNS can resolve it"
        ) from error
    except (OSError, UnicodeError) as error:
        raise Interrupted(f"failed to connect to {towards.authority}: {error}") from error


@contextlib.contextmanager
def _closed_on_failure(connection: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def connect(towards: Target, line: Line, *, guarded: bool = True) -> socket.socket:
    """Connects to the first address that accepts; the address checked is the address connected to."""
    found = socket.getaddrinfo(towards.host, towards.port, type=socket.SOCK_STREAM)
    if guarded:
        for *_, address in found:
            line.guard.check(str(address[0]))
    failures: list[OSError] = []
    for family, kind, protocol, _, address in found[:MOST_ADDRESSES]:
        try:
            return _opened((family, kind, protocol), address, line.connect_seconds)
        except OSError as error:
            failures.append(error)
    raise failures[-1] if failures else OSError("the host has no address")


def _opened(kind: tuple[int, int, int], address: tuple[Any, ...], seconds: float) -> socket.socket:
    connection = socket.socket(*kind)
    with _closed_on_failure(connection):
        connection.settimeout(seconds)
        connection.connect(address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _check_meaning(wanted: Target, guard: Guard) -> None:
    """How the proxy resolves a name cannot be seen; here it must not resolve to a blocked address."""
    with contextlib.suppress(socket.gaierror):
        for *_, address in socket.getaddrinfo(wanted.host, wanted.port, type=socket.SOCK_STREAM):
            guard.check(str(address[0]))


def _tunnel(connection: socket.socket, wanted: Target, proxy: Target, seconds: float) -> None:
    """Opens a tunnel through an HTTP proxy (RFC 9110, section 9.3.6)."""
    towards = f"{wanted.authority}:443" if wanted.port == 443 else wanted.authority
    secret = f"Proxy-Authorization: {proxy.authorization}\r\n" if proxy.authorization else ""
    connection.sendall(f"CONNECT {towards} HTTP/1.1\r\nHost: {towards}\r\n{secret}\r\n".encode())
    answer, deadline = b"", time.monotonic() + seconds
    while not answer.endswith(b"\r\n\r\n"):
        connection.settimeout(max(deadline - time.monotonic(), 1e-3))
        byte = connection.recv(1)
        answer += byte
        if not byte or len(answer) > LONGEST_ANSWER:
            raise OSError("the proxy sent an invalid response")
    status = answer.split(b"\r\n")[0].decode("latin-1")
    if status.split(" ")[1:2] != ["200"]:
        raise OSError(f"the proxy returned {status[:100]!a}")


def _changed(ca_file: Path | None) -> tuple[int, ...]:
    """When the files with certificates were last changed."""
    named = os.environ.get("SSL_CERT_FILE")
    files = [each for each in (ca_file, Path(named) if named else None) if each and each.exists()]
    return tuple(each.stat().st_mtime_ns for each in files)


@lru_cache(maxsize=2)
def _trust(ca_file: Path | None, _as_of: tuple[int, ...]) -> ssl.SSLContext:
    """The system's certificates, or those of ``SSL_CERT_FILE``, plus the given ones; cached, since loading is slow."""
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except ssl.SSLError as error:
            raise RequestFailed(f"`ca.crt` in {SECRET} contains no PEM certificate") from error
    return context
