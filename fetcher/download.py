"""HTTP(S) -> chunks. Tells what may be tried again from what may not; must not try again itself."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx2

from fetcher.failures import DownloadFailed, Interrupted, public
from fetcher.settings import Settings
from fetcher.stream import CHUNK

TEMPORARY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
ADVICE: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "the server asks for credentials; give the model an artifactSecret",
    HTTPStatus.FORBIDDEN: "the server refuses access; check its permissions or the model's artifactSecret",
    HTTPStatus.NOT_FOUND: "check the model's artifact URL",
}


@dataclass(frozen=True)
class Download:
    """A response under way: its chunks as served, and its length where the server says it."""

    chunks: Iterator[bytes]
    length: int | None


@contextmanager
def download(settings: Settings) -> Iterator[Download]:
    """Raises ``DownloadFailed``, or ``Interrupted`` where another attempt may succeed, also while chunks are read."""
    _check_scheme(settings.artifact)
    timeout = httpx2.Timeout(settings.read_seconds, connect=settings.connect_seconds)
    try:
        with (
            httpx2.Client(verify=_trust(), timeout=timeout, follow_redirects=True, max_redirects=5) as client,
            client.stream("GET", settings.artifact, headers={"Accept-Encoding": "identity"}) as response,
        ):
            _check_status(response, settings)
            length = response.headers.get("content-length", "")
            yield Download(response.iter_raw(CHUNK), int(length) if length.isdigit() else None)
    except httpx2.TransportError as error:
        raise Interrupted(_sentence(settings, f"{type(error).__name__}: {error}")) from error
    except (httpx2.TooManyRedirects, httpx2.InvalidURL) as error:
        raise DownloadFailed(_sentence(settings, str(error))) from error


@cache
def _trust() -> ssl.SSLContext:
    """The system's certificates, or those of ``SSL_CERT_FILE``; read once, which takes longer than a small file."""
    return httpx2.create_ssl_context()


def _check_scheme(url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise DownloadFailed(f"the artifact's URL is none: {error}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise DownloadFailed(f"{public(url)} cannot be fetched: only http and https URLs are")


def _check_status(response: httpx2.Response, settings: Settings) -> None:
    if response.is_success:
        return
    status = response.status_code
    message = _sentence(settings, f"status {status}; {ADVICE.get(status, 'see the log of that server')}")
    raise Interrupted(message) if status in TEMPORARY or response.is_server_error else DownloadFailed(message)


def _sentence(settings: Settings, what: str) -> str:
    return f"{public(settings.artifact)} could not be fetched: {what}"
