"""Object stores by s3://, gs:// and az:// URLs: one object, or all below a prefix.

obstore handles credentials, workload identity, signatures and lists. It connects only
through ``forward``, which checks every address. Objects are downloaded by presigned URLs,
over the same connections, ranges and validators as any other URL. Credentials must come
only from the mounted Secret and from the pod's identity on the platform.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypedDict
from urllib.parse import quote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from fetcher.artifact import Opened, Parts
from fetcher.failures import DownloadFailed, Failure, Interrupted, NotFound, TooLarge
from fetcher.network.buckets import base_of, config_of
from fetcher.network.credentials import Credentials
from fetcher.network.dial import target
from fetcher.network.forward import Forward
from fetcher.network.reach import reach_of
from fetcher.network.urls import Address, Known, UrlPart, open_url
from fetcher.network.web import Web
from fetcher.settings import Settings
from fetcher.volume.partial import first_request_size

SIGNED_FOR = timedelta(hours=1)
SIGNED_ANEW_AFTER = 600
"""Seconds, well before a signature expires."""
FINAL = ("Unauthenticated", "PermissionDenied", "NotFound", "NotSupported", "InvalidPath", "UnknownConfigurationKey")
TEMPORARY = ("SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "ServerBusy")
CODE = re.compile(r"<Code>(\w{1,60})</Code>")
LIST_TIMES = 15
"""A whole list may take this many times the read timeout."""
Store = S3Store | GCSStore | AzureStore
KINDS: Mapping[str, type[Store]] = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}


class Listed(TypedDict):
    """An object in a store's list."""

    path: str
    size: int
    e_tag: str | None


@dataclass(frozen=True)
class Bucket:
    """A bucket or container, and the URLs of its objects."""

    store: Store
    config: Mapping[str, str]
    base: str
    forward: Forward
    list_seconds: float

    def url(self, key: str) -> Callable[[], str]:
        """Returns a function that makes URLs of an object, each valid for some minutes."""
        if self.config.get("skip_signature", "").lower() == "true":
            return lambda: f"{self.base}/{quote(key)}"
        return Signed(self.store, key, self.forward)

    def objects(self, prefix: str) -> Iterator[Listed]:
        """All objects below a prefix; raises ``DownloadFailed`` or ``Interrupted``."""
        try:
            with self.forward.within(self.list_seconds):
                for page in obstore.list(self.store, prefix):
                    for found in page:
                        yield Listed(path=found["path"], size=found["size"], e_tag=found["e_tag"])
        except BaseError as error:
            raise _translated(error, self.forward) from error


class Signed:
    """Signs an object's URL, again before the last one expires."""

    def __init__(self, store: Store, key: str, forward: Forward) -> None:
        self._store = store
        self._forward = forward
        self._key = key
        self._made = -float(SIGNED_ANEW_AFTER)
        self._url = ""

    def __call__(self) -> str:
        """A URL that is valid for some minutes; raises ``DownloadFailed`` or ``Interrupted``."""
        if time.monotonic() - self._made >= SIGNED_ANEW_AFTER:
            try:
                self._url = obstore.sign(self._store, "GET", self._key, SIGNED_FOR)
            except BaseError as error:
                raise _translated(error, self._forward) from error
            self._made = time.monotonic()
        return self._url


def open_store(web: Web, settings: Settings, credentials: Credentials) -> Opened:
    """Raises ``DownloadFailed``, or ``Interrupted`` if a retry may succeed."""
    parts = urlsplit(settings.artifact)
    key = parts.path.lstrip("/")
    if not parts.netloc or parts.query or parts.fragment:
        raise DownloadFailed(f"expected {parts.scheme}://BUCKET/KEY")
    bucket = _bucket(web, parts.scheme, parts.netloc, settings, credentials)
    if key and not key.endswith("/"):
        try:
            return open_url(web, Address(bucket.url(key)), first_request_size(settings.volume))
        except NotFound as failure:
            return _below(web, bucket, f"{key}/", settings) or _raised(failure)
    return _below(web, bucket, key, settings) or _raised(NotFound("no objects exist below that prefix"))


def _below(web: Web, bucket: Bucket, prefix: str, settings: Settings) -> Parts | None:
    """All objects below a prefix, ordered by path; None if there are none."""
    found: dict[bytes, Listed] = {}
    for listed in bucket.objects(prefix):
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
        raise DownloadFailed("the store lists objects without ETags, so changes could not be detected")
    validator = etag if etag.startswith('"') else f'"{etag}"'
    return UrlPart(web, Address(bucket.url(listed["path"])), Known(listed["size"], validator, path))


def _raised(failure: DownloadFailed) -> Parts:
    raise failure


def _bucket(web: Web, scheme: str, name: str, settings: Settings, credentials: Credentials) -> Bucket:
    config = config_of(scheme, credentials, os.environ)
    base = base_of(scheme, name, config)
    web.check(target(base))
    forward = web.forward(reach_of(scheme, base, config, os.environ))
    options: dict[str, Any] = {
        "allow_http": base.startswith("http://"),
        "connect_timeout": timedelta(seconds=settings.connect_seconds),
        "timeout": timedelta(seconds=settings.read_seconds),
        "proxy_url": forward.url,
    }
    if credentials.ca_file:
        options["root_certificate"] = credentials.ca_file.read_text()
    more: dict[str, Any] = {
        "config": config,
        "client_options": options,
        "retry_config": {"max_retries": settings.attempts - 1},
    }
    try:
        store = KINDS[scheme](name, **more)
    except (BaseError, ValueError, TypeError) as error:
        raise DownloadFailed(f"the artifactSecret is not valid for {scheme}: {type(error).__name__}") from error
    return Bucket(store, config, base, forward, LIST_TIMES * settings.read_seconds)


def _translated(error: BaseError, forward: Forward) -> Failure:
    """Errors of the store's library may contain signed URLs; only their type or code is passed on."""
    if forward.failure:
        return forward.failure
    code = CODE.search(str(error))
    kind = code[1] if code else type(error).__name__.removesuffix("Error")
    if kind in FINAL or (code and kind not in TEMPORARY):
        return DownloadFailed(f"the store returned {kind}; check the model's artifact and its artifactSecret")
    return Interrupted(f"the request to the store failed: {kind}")
