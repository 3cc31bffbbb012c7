"""moto's S3 server in a process of its own, spoken to over the network."""

import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import obstore
from obstore.store import S3Store

from tests.images.processes import started
from tests.kit.ports import free_port

BUCKET = "models"
KEYS = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "secret1", "AWS_REGION": "eu-central-1"}


@dataclass(frozen=True)
class S3Server:
    """An S3 server with one bucket."""

    port: int
    address: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    @property
    def secret(self) -> Mapping[str, str]:
        return {**KEYS, "AWS_ENDPOINT_URL": self.url}

    def put(self, key: str, content: bytes, *, in_parts: bool = False) -> None:
        obstore.put(self._store(), key, content, use_multipart=in_parts, chunk_size=5 * 1024 * 1024)

    def objects(self, prefix: str) -> Mapping[str, bytes]:
        """All below a prefix."""
        found = [each["path"] for page in obstore.list(self._store(), prefix) for each in page]
        return {path: bytes(obstore.get(self._store(), path).bytes()) for path in found}

    def lines(self, prefix: str) -> int:
        """How many lines all objects below a prefix have."""
        listed = [found["path"] for page in obstore.list(self._store(), prefix) for found in page]
        return sum(bytes(obstore.get(self._store(), path).bytes()).count(b"\n") for path in listed)

    def tag(self, key: str) -> str:
        return obstore.head(self._store(), key)["e_tag"] or ""

    def make_folder_marker(self, key: str) -> None:
        """An empty object whose key ends with a slash, as consoles make them."""
        signed = obstore.sign(self._store(), "PUT", "x", timedelta(minutes=1)).replace("/x?", f"/{key}/?")
        self._send(signed)

    def publish(self, key: str, content: bytes) -> None:
        """An object that anybody may read."""
        signed = obstore.sign(self._store(), "PUT", key, timedelta(minutes=1))
        self._send(signed, body=content, x_amz_acl="public-read")

    def make_bucket(self) -> None:
        self._send(f"{self.url}/{BUCKET}")

    @contextmanager
    def checking_credentials(self) -> Iterator[None]:
        """Until the block ends, nobody's credentials are right."""
        self._check_after("0")
        try:
            yield
        finally:
            self._check_after("inf")

    def _check_after(self, requests: str) -> None:
        self._send(f"{self.url}/moto-api/reset-auth", "POST", requests.encode())

    def _send(self, url: str, method: str = "PUT", body: bytes = b"", **headers: str) -> None:
        more = {"Content-Type": "text/plain"} | {key.replace("_", "-"): value for key, value in headers.items()}
        with urllib.request.urlopen(urllib.request.Request(url, body, more, method=method)):  # noqa: S310 - an http URL
            pass

    def _store(self) -> S3Store:
        return S3Store(
            BUCKET,
            endpoint=self.url,
            access_key_id="reader",
            secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            region="eu-central-1",
            client_options={"allow_http": True},
        )


@contextmanager
def s3_server(folder: Path, address: str = "127.0.0.1") -> Iterator[S3Server]:
    """Until the block ends. At another address than loopback's, it can be reached at that one as well."""
    port = free_port()
    listens_at = "127.0.0.1" if address == "127.0.0.1" else "0.0.0.0"
    command = [sys.executable, "-m", "moto.server", "-H", listens_at, "-p", str(port)]
    with started(command, port=port, output=folder / "moto.log", stderr=-2):
        server = S3Server(port, address)
        server.make_bucket()
        yield server
