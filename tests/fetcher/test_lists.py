"""A store's library lists over TLS, directly and through the cluster's proxy."""

import ssl
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from fetcher.__main__ import main
from tests.fetcher.tunnel import tunnel
from tests.unit.fetcher.origin import Answer, part_of, serving
from tests.unit.fetcher.running import Place

LIST = b"""<ListBucketResult><Name>models</Name><IsTruncated>false</IsTruncated>
<Contents><Key>m/w</Key><Size>3</Size><ETag>"1"</ETag><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>
</ListBucketResult>"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key and a certificate for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=store"]
    names = [
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-addext",
        "basicConstraints=CA:FALSE",
        "-keyout",
        "tls.key",
        "-out",
        "tls.crt",
    ]
    subprocess.run([*made, *names], cwd=folder, check=True, capture_output=True)
    return folder


def answered(request: Mapping[str, str]) -> Answer:
    if "list-type" in request["path"]:
        return Answer(LIST, headers={"Content-Type": "application/xml"})
    return part_of(b"abc", request["range"])


@pytest.mark.parametrize("through_proxy", [False, True])
def test_a_list_comes_by_tls_directly_or_through_the_proxy(
    authority: Path, place: Place, monkeypatch: pytest.MonkeyPatch, *, through_proxy: bool
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority / "tls.crt", authority / "tls.key")
    with serving(tls=tls) as store, tunnel() as proxy:
        store.reply = answered
        if through_proxy:
            monkeypatch.setenv("https_proxy", proxy.url)
        keys = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": store.url}
        folder = place.secret({**keys, "ca.crt": (authority / "tls.crt").read_text()})
        assert main(place.arguments("s3://models/m/", "--credentials", str(folder))) == 0
    assert place.files() == {"w": b"abc"}
    assert bool(proxy.heads) is through_proxy


def test_a_list_over_tls_is_not_led_elsewhere_either(authority: Path, place: Place) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority / "tls.crt", authority / "tls.key")
    with serving(tls=tls) as store, serving(tls=tls) as other:
        store.reply = lambda _: Answer(status=307, headers={"Location": f"{other.url}/b?list-type=2"})
        keys = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": store.url}
        folder = place.secret({**keys, "ca.crt": (authority / "tls.crt").read_text()})
        assert main(place.arguments("s3://models/m/", "--credentials", str(folder))) == 10
    assert "redirects to other servers are not followed" in place.said()["message"]
    assert other.requests == []
