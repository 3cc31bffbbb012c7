"""Buckets by s3://, gs:// and az:// URLs, and signed URLs of their objects.

obstore handles credentials, workload identity and signatures. It connects only through
``forward``, which checks every address. Credentials must come only from the mounted
Secret and from the pod's identity on the platform.
"""

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from outbound.buckets import base_of, config_of
from outbound.credentials import Credentials
from outbound.dial import Line, dial, target
from outbound.failures import SECRET, Interrupted, RequestFailed
from outbound.forward import Forward
from outbound.reach import Reach, reach_of

SIGNED_FOR = timedelta(hours=1)
SIGNED_ANEW_AFTER = 600
"""Seconds, well before a signature expires."""
UNSIGNABLE = (
    "Azure rejects signed URLs of names with spaces or other characters that URLs escape; "
    "use letters, digits, - . _ ~ and / in the names of blobs"
)
"""obstore signs the escaped name, where Azure expects the name itself."""
FINAL = ("Unauthenticated", "PermissionDenied", "NotFound", "NotSupported", "InvalidPath", "UnknownConfigurationKey")
TEMPORARY = ("SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "ServerBusy")
CODE = re.compile(r"<Code>(\w{1,60})</Code>")
Store = S3Store | GCSStore | AzureStore
Method = Literal["GET", "PUT"]
KINDS: Mapping[str, type[Store]] = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}


@dataclass(frozen=True)
class Access:
    """How to reach a store; ``forward`` starts the proxy that its library connects through."""

    line: Line
    credentials: Credentials
    attempts: int
    forward: Callable[[Reach], Forward]


@dataclass(frozen=True)
class Bucket:
    """A bucket or container, and the URLs of its objects."""

    store: Store
    config: Mapping[str, str]
    base: str
    forward: Forward

    def url(self, key: str, method: Method = "GET") -> Callable[[], str]:
        """Returns a function that makes URLs of an object for one method, each valid for some minutes."""
        if self.config.get("skip_signature", "").lower() == "true":
            return lambda: f"{self.base}/{quote(key)}"
        return Signed(self, key, method)


class Signed:
    """Signs an object's URL, again before the last one expires."""

    def __init__(self, bucket: Bucket, key: str, method: Method) -> None:
        self._bucket = bucket
        self._key = key
        self._method = method
        self._made = -float(SIGNED_ANEW_AFTER)
        self._url = ""

    def __call__(self) -> str:
        """A URL that is valid for some minutes; raises ``RequestFailed`` or ``Interrupted``."""
        if time.monotonic() - self._made >= SIGNED_ANEW_AFTER:
            try:
                self._url = obstore.sign(self._bucket.store, self._method, self._key, SIGNED_FOR)
            except BaseError as error:
                raise translated(error, self._bucket.forward) from error
            if isinstance(self._bucket.store, AzureStore) and "%" in urlsplit(self._url).path:
                raise RequestFailed(UNSIGNABLE)
            self._made = time.monotonic()
        return self._url


def open_bucket(scheme: str, name: str, access: Access) -> Bucket:
    """Raises ``RequestFailed``, or ``Interrupted`` if a retry may succeed."""
    line, credentials = access.line, access.credentials
    config = config_of(scheme, credentials, os.environ)
    base = base_of(scheme, name, config)
    dial(target(base), line).close()  # its address is checked before the library gets it
    forward = access.forward(reach_of(scheme, base, config, os.environ))
    options: dict[str, Any] = {
        "allow_http": base.startswith("http://"),
        "connect_timeout": timedelta(seconds=line.connect_seconds),
        "timeout": timedelta(seconds=line.read_seconds),
        "proxy_url": forward.url,
    }
    if credentials.ca_file:
        options["root_certificate"] = credentials.ca_file.read_text()
    more: dict[str, Any] = {
        "config": config,
        "client_options": options,
        "retry_config": {"max_retries": access.attempts - 1},
    }
    try:
        store = KINDS[scheme](name, **more)
    except (BaseError, ValueError, TypeError) as error:
        raise RequestFailed(f"{SECRET} is not valid for {scheme}: {type(error).__name__}") from error
    return Bucket(store, config, base, forward)


def translated(error: BaseError, forward: Forward) -> RequestFailed:
    """Errors of the store's library may contain signed URLs; only their type or code is passed on."""
    if forward.failure:
        return forward.failure
    code = CODE.search(str(error))
    kind = code[1] if code else type(error).__name__.removesuffix("Error")
    if kind in FINAL or (code and kind not in TEMPORARY):
        return RequestFailed(f"the store returned {kind}; check the URL and {SECRET}")
    return Interrupted(f"the request to the store failed: {kind}")
