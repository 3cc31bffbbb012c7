"""Object stores by s3://, gs:// and az:// URLs. obstore signs URLs, and objects are uploaded like to any HTTP server.

One PUT stores an object as a whole or not at all; nothing is left behind, as parts of
an interrupted multipart upload would be.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from outbound.credentials import Credentials
from outbound.dial import Line
from outbound.failures import RequestFailed
from outbound.forward import Forward
from outbound.reach import Reach
from outbound.stores import Access, open_bucket
from shipper.sinks.content import Content
from shipper.sinks.web import put

HEADERS: Mapping[str, Mapping[str, str]] = {"az": {"x-ms-blob-type": "BlockBlob"}}


class StoreSink:
    """A bucket or container, and a prefix in it."""

    def __init__(self, url: str, line: Line, credentials: Credentials) -> None:
        parts = urlsplit(url)
        if not parts.netloc or parts.query or parts.fragment:
            raise RequestFailed(f"expected {parts.scheme}://BUCKET/PREFIX")
        self._line = line
        self._headers = HEADERS.get(parts.scheme, {})
        self._prefix = "/".join(filter(None, parts.path.split("/")))
        self._forwards: list[Forward] = []
        self._bucket = open_bucket(parts.scheme, parts.netloc, Access(line, credentials, 1, self._forward))

    def put(self, key: str, content: Content) -> None:
        """See ``Sink``."""
        whole = f"{self._prefix}/{key}" if self._prefix else key
        put(self._bucket.url(whole, "PUT")(), self._headers, content, self._line)

    def close(self) -> None:
        """See ``Sink``."""
        for forward in self._forwards:
            forward.close()

    def _forward(self, reach: Reach) -> Forward:
        self._forwards.append(Forward(self._line, reach))
        return self._forwards[-1]
