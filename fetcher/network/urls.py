"""Objects behind http(s) URLs: by range requests if that is safe, else as one stream.

Ranges are safe if the server identifies the object by a strong validator (RFC 9110,
sections 8.8 and 13.1): every response is checked against it, the total size and the
requested range, so that two versions of an object are never mixed.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from fetcher.archives.formats import check_encoding
from fetcher.artifact import PIECE, Opened, Parts, Stream
from fetcher.failures import Changed
from fetcher.network.statuses import number
from fetcher.network.web import Response, Web
from outbound.credentials import Secret
from outbound.failures import Interrupted, RequestFailed

CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
Headers = Mapping[str, str]


@dataclass(frozen=True)
class Address:
    """The location of an object: ``url`` may sign a new URL on each call; ``secret`` is for its origin only."""

    url: Callable[[], str]
    secret: Secret | None = None


@dataclass(frozen=True)
class Range:
    """A Content-Range header: bytes ``first`` to ``last`` of ``total``."""

    first: int
    last: int
    total: int


class UrlPart:
    """An object with known size and validator; its first bytes may be loaded already."""

    def __init__(self, web: Web, address: Address, known: "Known") -> None:
        self._web = web
        self._address = address
        self._head = known.head
        self._resolved = known.url
        self.path = known.path
        self.size = known.size
        self.validator = known.validator

    def fill(self, start: int, buffer: memoryview) -> None:
        """See ``Part``."""
        if start < len(self._head):
            ready = self._head[start : start + len(buffer)]
            buffer[: len(ready)] = ready
            start, buffer = start + len(ready), buffer[len(ready) :]
        if buffer:
            self._fetch(start, buffer)

    def _fetch(self, start: int, buffer: memoryview) -> None:
        last = start + len(buffer) - 1
        headers = {**_condition(self.validator), "Range": f"bytes={start}-{last}"}
        response = self._ask(headers)
        try:
            self._check(response, Range(start, last, self.size))
            _read_all(response, buffer)
        except BaseException:
            self._web.client.close()
            raise
        if not response.finish():
            self._web.client.close()

    def _ask(self, headers: Headers) -> Response:
        """Requests the URL that the first redirects led to; if that has expired, follows the redirects again."""
        if self._resolved:
            try:
                return self._web.client.get(self._resolved, headers, self._address.secret)
            except Interrupted:
                raise
            except RequestFailed:
                self._resolved = ""
        return self._web.client.get(self._address.url(), headers, self._address.secret)

    def _check(self, response: Response, wanted: Range) -> None:
        if response.status != HTTPStatus.PARTIAL_CONTENT:
            raise Changed("the server stopped honoring range requests")
        found = _range(response.headers)
        if found is None or found.total != wanted.total or not _is_of(response.headers, self.validator):
            raise Changed("the artifact changed during the download")
        if self.path:
            check_encoding(_encoding(response.headers), self.path)
        if found != wanted:
            raise RequestFailed(
                f"the server returned bytes {found.first}-{found.last} instead of {wanted.first}-{wanted.last}"
            )


@dataclass(frozen=True)
class Known:
    """Metadata of an object before it is read."""

    size: int
    validator: str
    path: bytes = b""
    head: bytes = b""
    url: str = ""


def open_url(web: Web, address: Address, first: int = PIECE) -> Opened:
    """Requests the ``first`` bytes, and decides by the response; raises ``RequestFailed`` or ``Interrupted``."""
    asked = address.url()
    response = web.client.get(asked, {"Range": f"bytes=0-{first - 1}"}, address.secret)
    if response.status == HTTPStatus.OK:
        return _stream(response)
    validator = strong_validator(response.headers)
    found = _range(response.headers)
    if found is None or not validator or found.first != 0 or response.status != HTTPStatus.PARTIAL_CONTENT:
        return _unranged(web, address)
    if found.last >= first:
        raise RequestFailed(f"the server returned bytes 0-{found.last} instead of 0-{first - 1}")
    head = bytearray(found.last + 1)
    _read_all(response, memoryview(head))
    if not response.finish():
        web.client.close()
    moved = response.url if response.url != asked else ""
    part = UrlPart(web, address, Known(found.total, validator, head=bytes(head), url=moved))
    return Parts([part], encoding=_encoding(response.headers))


def _unranged(web: Web, address: Address) -> Stream:
    web.client.close()
    response = web.client.get(address.url(), {}, address.secret)
    if response.status != HTTPStatus.OK:
        raise RequestFailed(f"the server returned status {response.status} to a request without a range")
    return _stream(response)


def _stream(response: Response) -> Stream:
    size = None if "Transfer-Encoding" in response.headers else number(response.headers.get("Content-Length", ""))
    return Stream(_chunks(response, size), size, _encoding(response.headers))


def _chunks(response: Response, size: int | None) -> Iterator[bytes]:
    count = 0
    while chunk := response.read(PIECE):
        count += len(chunk)
        yield chunk
    if size is not None and count != size:
        raise Interrupted(f"the connection was closed after {count} of {size} bytes")


def _read_all(response: Response, buffer: memoryview) -> None:
    while buffer:
        chunk = response.read(len(buffer))
        if not chunk:
            raise Interrupted("the connection was closed too early")
        buffer[: len(chunk)] = chunk
        buffer = buffer[len(chunk) :]


def strong_validator(headers: Message) -> str:
    """The ETag if it is strong, else a reliable Last-Modified, else empty."""
    etag = headers.get("ETag", "")
    if etag.startswith('"'):
        return etag
    modified = headers.get("Last-Modified", "")
    return modified if _is_settled(modified, headers.get("Date", "")) else ""


def _is_settled(modified: str, now: str) -> bool:
    """Whether no second change within the same second could go unnoticed (RFC 9110, section 8.8.2.2)."""
    try:
        return (parsedate_to_datetime(now) - parsedate_to_datetime(modified)).total_seconds() >= 1
    except (TypeError, ValueError):
        return False


def _encoding(headers: Message) -> str:
    return headers.get("Content-Encoding", "").strip().lower()


def _condition(validator: str) -> Headers:
    return {"If-Match" if validator.startswith('"') else "If-Unmodified-Since": validator}


def _is_of(headers: Message, validator: str) -> bool:
    return headers.get("ETag" if validator.startswith('"') else "Last-Modified", "") == validator


def _range(headers: Message) -> Range | None:
    found = CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
    if not found:
        return None
    first, last, total = map(int, found.groups())
    return Range(first, last, total) if first <= last < total else None
