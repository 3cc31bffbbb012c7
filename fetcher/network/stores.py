"""Artifacts by s3://, gs:// and az:// URLs: one object, or all below a prefix.

obstore lists objects. They are downloaded by signed URLs, over the same connections,
ranges and validators as any other URL.
"""

from collections.abc import Iterator
from typing import TypedDict
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError

from fetcher.artifact import Opened, Parts
from fetcher.failures import NotFound, TooLarge
from fetcher.network.urls import Address, Known, UrlPart, open_url
from fetcher.network.web import Web
from fetcher.settings import Settings
from fetcher.volume.partial import first_request_size
from outbound.credentials import Credentials
from outbound.failures import RequestFailed
from outbound.stores import Access, Bucket, open_bucket, translated

LIST_TIMES = 15
"""A whole list may take this many times the read timeout."""


class Listed(TypedDict):
    """An object in a store's list."""

    path: str
    size: int
    e_tag: str | None


def open_store(web: Web, settings: Settings, credentials: Credentials) -> Opened:
    """Raises ``RequestFailed``, or ``Interrupted`` if a retry may succeed."""
    parts = urlsplit(settings.artifact)
    key = parts.path.lstrip("/")
    if not parts.netloc or parts.query or parts.fragment:
        raise RequestFailed(f"expected {parts.scheme}://BUCKET/KEY")
    access = Access(web.line, credentials, settings.attempts, web.forward)
    bucket = open_bucket(parts.scheme, parts.netloc, access)
    if key and not key.endswith("/"):
        try:
            return open_url(web, Address(bucket.url(key)), first_request_size(settings.volume))
        except NotFound as failure:
            return _below(web, bucket, f"{key}/", settings) or _raised(failure)
    return _below(web, bucket, key, settings) or _raised(NotFound("no objects exist below that prefix"))


def _below(web: Web, bucket: Bucket, prefix: str, settings: Settings) -> Parts | None:
    """All objects below a prefix, ordered by path; None if there are none."""
    found: dict[bytes, Listed] = {}
    for listed in _objects(bucket, prefix, LIST_TIMES * settings.read_seconds):
        if listed["path"] + "/" != prefix:
            found[listed["path"].removeprefix(prefix).encode()] = listed
        if len(found) > settings.limit_entries:
            raise TooLarge(f"contains more than the {settings.limit_entries} entries allowed")
    folders = {b"/".join(path.split(b"/")[:depth]) for path in found for depth in range(1, path.count(b"/") + 1)}
    files = sorted(path for path in found if found[path]["size"] or path not in folders)
    return Parts([_part(web, bucket, path, found[path]) for path in files], is_folder=True) if files else None


def _part(web: Web, bucket: Bucket, path: bytes, listed: Listed) -> UrlPart:
    etag = listed["e_tag"]
    if not etag:
        raise RequestFailed("the store lists objects without ETags, so changes could not be detected")
    validator = etag if etag.startswith('"') else f'"{etag}"'
    return UrlPart(web, Address(bucket.url(listed["path"])), Known(listed["size"], validator, path))


def _raised(failure: RequestFailed) -> Parts:
    raise failure


def _objects(bucket: Bucket, prefix: str, seconds: float) -> Iterator[Listed]:
    """All objects below a prefix; raises ``RequestFailed`` or ``Interrupted``."""
    try:
        with bucket.forward.within(seconds):
            for page in obstore.list(bucket.store, prefix):
                for found in page:
                    yield Listed(path=found["path"], size=found["size"], e_tag=found["e_tag"])
    except BaseError as error:
        raise translated(error, bucket.forward) from error
