"""Azurite and fake-gcs-server, where they are installed: servers that speak as Azure's and Google's stores do.

Azurite checks signatures, and knows one account, whose key is public. fake-gcs-server checks none.
"""

import base64
import email.utils
import hashlib
import hmac
import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import obstore
import pytest
from obstore.store import AzureStore, GCSStore

from tests.images.processes import started
from tests.kit.ports import free_port

CONTAINER = "models"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
INSTALL = {
    "azurite-blob": "npm install --global azurite",
    "fake-gcs-server": "go install github.com/fsouza/fake-gcs-server@v1.56.1",
}


@dataclass(frozen=True)
class StoreServer:
    """A server with one bucket, by its scheme in URLs; ``secret`` may read and write, ``lists`` may list."""

    scheme: str
    store: AzureStore | GCSStore  # lists and reads
    signing: AzureStore | GCSStore
    secret: Mapping[str, str]
    lists: Mapping[str, str]

    def url(self, key: str) -> str:
        return f"{self.scheme}://{CONTAINER}/{key}"

    def put(self, key: str, content: bytes) -> None:
        url = obstore.sign(self.signing, "PUT", key, timedelta(minutes=1))
        _send("PUT", url, {"Content-Type": "text/plain", "x-ms-blob-type": "BlockBlob"}, content)

    def objects(self, prefix: str) -> Mapping[str, bytes]:
        """All below a prefix."""
        found = [each["path"] for page in obstore.list(self.store, prefix) for each in page]
        return {path: bytes(obstore.get(self.store, path).bytes()) for path in found}


@contextmanager
def azure_server(folder: Path) -> Iterator[StoreServer]:
    """Until the block ends."""
    port = free_port()
    options = ("--silent", "--skipApiVersionCheck", "--disableTelemetry", "--inMemoryPersistence")
    command = [_program("azurite-blob"), *options, "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    with started(command, port=port, output=folder / "azurite.log", stderr=-2):
        endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
        _make_container(endpoint)
        names = {"account_name": ACCOUNT, "account_key": KEY, "endpoint": endpoint}
        secret = {
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
            "AZURE_ENDPOINT": endpoint,
        }
        store = AzureStore(CONTAINER, client_options={"allow_http": True}, **names)  # type: ignore[arg-type]
        yield StoreServer("az", store, store, secret, secret)


@contextmanager
def google_server(folder: Path) -> Iterator[StoreServer]:
    """Until the block ends. A list needs a token, which only Google gives: here lists are not signed."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    place = ("-host", "127.0.0.1", "-port", str(port), "-public-host", f"127.0.0.1:{port}", "-external-url", url)
    command = [_program("fake-gcs-server"), "-scheme", "http", "-backend", "memory", *place]
    with started(command, port=port, output=folder / "google.log", stderr=-2):
        made = {"Content-Type": "application/json"}
        _send("POST", f"{url}/storage/v1/b?project=test", made, json.dumps({"name": CONTAINER}).encode())
        lists = {"GOOGLE_BASE_URL": url, "GOOGLE_SKIP_SIGNATURE": "true"}
        secret = {"GOOGLE_BASE_URL": url, "GOOGLE_SERVICE_ACCOUNT_KEY": google_key()}
        store = GCSStore(CONTAINER, base_url=url, skip_signature=True, client_options={"allow_http": True})
        signing = GCSStore(CONTAINER, base_url=url, service_account_key=secret["GOOGLE_SERVICE_ACCOUNT_KEY"])
        yield StoreServer("gs", store, signing, secret, lists)


def google_key() -> str:
    """A service account's key file."""
    done = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], check=True, capture_output=True, text=True)
    names = {"type": "service_account", "client_email": "reader@example.com", "private_key_id": "1"}
    return json.dumps(names | {"private_key": done.stdout})


def _program(name: str) -> str:
    if found := shutil.which(name):
        return found
    pytest.skip(f"{name} is not on the PATH ({INSTALL[name]})")


def _make_container(endpoint: str) -> None:
    headers = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    signed = "PUT" + "\n" * 12 + "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    signed += f"/{ACCOUNT}/{ACCOUNT}/{CONTAINER}\nrestype:container"
    signature = base64.b64encode(hmac.digest(base64.b64decode(KEY), signed.encode(), hashlib.sha256)).decode()
    authorization = {"Authorization": f"SharedKey {ACCOUNT}:{signature}"}
    _send("PUT", f"{endpoint}/{CONTAINER}?restype=container", headers | authorization)


def _send(method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, body, dict(headers), method=method)):  # noqa: S310 - an http URL
        pass
