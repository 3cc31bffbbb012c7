"""A store's library lists objects over guarded connections, and is led to no other server."""

import base64
import json
import socket
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fetcher.__main__ import main
from outbound.dial import Line
from outbound.forward import Forward
from outbound.guard import Guard
from outbound.reach import Reach, Request, reach_of
from tests.unit.fetcher.origin import Answer, Origin, part_of, serving
from tests.unit.fetcher.running import Place

PAGE = "<ListBucketResult><Name>b</Name><IsTruncated>{more}</IsTruncated>{rest}</ListBucketResult>"
OBJECT = (
    '<Contents><Key>m/w</Key><Size>3</Size><ETag>"1"</ETag><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>'
)
S3 = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "t0psecret", "AWS_SESSION_TOKEN": "t0psecret-too"}
ANONYMOUS = {"AWS_SKIP_SIGNATURE": "true"}
AZURE = {"AZURE_STORAGE_ACCOUNT_NAME": "t", "AZURE_STORAGE_ACCOUNT_KEY": base64.b64encode(b"t0psecret" * 4).decode()}
GOOGLE = {"GOOGLE_SKIP_SIGNATURE": "true"}
STORES = [
    ("s3://b/m/", "AWS_ENDPOINT_URL", S3),
    ("s3://b/m/", "AWS_ENDPOINT_URL", ANONYMOUS),
    ("az://b/m/", "AZURE_ENDPOINT", AZURE),
    ("gs://b/m/", "GOOGLE_BASE_URL", GOOGLE),
]
QUICK = ("--attempts", "1", "--read-seconds", "0.3")


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Origin, Origin]]:
    """A store, and another server."""
    with serving() as store, serving(Answer(b"t0psecret of another server")) as other:
        yield store, other


def listed(place: Place, store: tuple[str, str, Mapping[str, str]], url: str, *more: str) -> int:
    """The exit code of fetching all below a prefix of a store at that URL."""
    artifact, endpoint, keys = store
    folder = place.secret({**keys, endpoint: url})
    return main(place.arguments(artifact, "--credentials", str(folder), *QUICK, *more))


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(STORES),
    st.sampled_from([301, 302, 303, 307, 308]),
    st.sampled_from(["", "localhost", "127.0.0.2", "169.254.169.254", "metadata.google.internal", "[::1]"]),
    st.sampled_from(["/", "/b?list-type=2", "/latest/meta-data/iam/security-credentials/", "/computeMetadata/v1/"]),
)
def test_no_redirect_of_a_list_leads_to_another_server(
    servers: tuple[Origin, Origin], store: tuple[str, str, Mapping[str, str]], status: int, host: str, path: str
) -> None:
    origin, other = servers
    port = other.url.rpartition(":")[2]
    location = f"http://{host}{path}" if host.startswith(("169", "metadata")) else f"http://{host}:{port}{path}"
    origin.answers[:] = [Answer(status=status, headers={"Location": location if host else f"{other.url}{path}"})]
    with tempfile.TemporaryDirectory() as scratch:
        place = Place(Path(scratch))
        assert listed(place, store, origin.url) == 10
        assert "redirects to other servers are not followed" in place.said()["message"]
    assert other.requests == []


def test_a_list_is_fetched_and_so_are_its_objects(place: Place) -> None:
    def reply(request: Mapping[str, str]) -> Answer:
        if "list-type" in request["path"]:
            return Answer(PAGE.format(more="false", rest=OBJECT).encode(), headers={"Content-Type": "application/xml"})
        return part_of(b"abc", request["range"])

    with serving() as origin:
        origin.reply = reply
        assert listed(place, STORES[0], origin.url) == 0
    assert place.files() == {"w": b"abc"}
    assert "proxy-authorization" not in {key for request in origin.requests for key in request}


def test_a_list_without_end_is_given_up(place: Place) -> None:
    rest = "<NextContinuationToken>again</NextContinuationToken>"
    page = Answer(PAGE.format(more="true", rest=rest).encode(), headers={"Content-Type": "application/xml"})
    with serving(page) as origin:
        assert listed(place, STORES[0], origin.url) == 10
    assert "listing the store timed out" in place.said()["message"]


def test_a_page_larger_than_any_is_given_up(place: Place) -> None:
    with serving(Answer(b" " * (17 * 1024 * 1024))) as origin:
        assert listed(place, STORES[0], origin.url, "--read-seconds", "30") == 10
    assert "larger than any valid list" in place.said()["message"]


@pytest.mark.parametrize(
    ("url", "keys"),
    [
        ("s3://b/m/", {"AWS_METADATA_ENDPOINT": "http://127.0.0.1:9"}),
        ("s3://b/m/", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9"}),
        ("s3://b/m/", {"AWS_WEB_IDENTITY_TOKEN_FILE": "/etc/passwd"}),
        ("s3://b/m/", {"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9"}),
        ("s3://b/m/", {"AWS_PROXY_URL": "http://127.0.0.1:9"}),
        ("gs://b/m/", {"GOOGLE_APPLICATION_CREDENTIALS": "/etc/passwd"}),
        ("gs://b/m/", {"GOOGLE_SERVICE_ACCOUNT": "/etc/passwd"}),
        ("az://b/m/", {"AZURE_AUTHORITY_HOST": "http://127.0.0.1:9"}),
        ("az://b/m/", {"AZURE_MSI_ENDPOINT": "http://127.0.0.1:9"}),
        ("az://b/m/", {"AZURE_FEDERATED_TOKEN_FILE": "/etc/passwd"}),
        ("az://b/m/", {"AZURE_USE_AZURE_CLI": "true"}),
    ],
)
def test_keys_that_lead_elsewhere_are_rejected_by_name(url: str, keys: dict[str, str], place: Place) -> None:
    assert main(place.arguments(url, "--credentials", str(place.secret(keys)), *QUICK)) == 10
    assert f"the artifactSecret contains '{next(iter(keys))}', which is not supported" in place.said()["message"]


@pytest.mark.parametrize(
    ("url", "keys"),
    [
        ("s3://b/m/", {"AWS_REGION": "127.0.0.1:9/"}),
        ("s3://b/m/", {"AWS_REGION": "x.evil.example.com#"}),
        ("az://b/m/", {"AZURE_STORAGE_ACCOUNT_NAME": "127.0.0.1:9/"}),
        ("az://b/m/", {"AZURE_TENANT_ID": "../x"}),
    ],
)
def test_values_that_would_change_a_host_are_rejected(url: str, keys: dict[str, str], place: Place) -> None:
    assert main(place.arguments(url, "--credentials", str(place.secret(keys)), *QUICK)) == 10
    assert "letters, digits, - and _" in place.said()["message"]


@pytest.mark.parametrize("bucket", ["b@127.0.0.1:9", "b:9", "[::1]", "a%2fb"])
def test_a_bucket_is_a_name(bucket: str, place: Place) -> None:
    assert main(place.arguments(f"s3://{bucket}/m/", "--credentials", str(place.secret(ANONYMOUS)), *QUICK)) == 10


def test_the_platforms_identity_is_asked_for_and_used(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    given_out = {"AccessKeyId": "pod", "SecretAccessKey": "s", "Token": "t", "Expiration": "2036-01-01T00:00:00Z"}
    token = place.scratch / "token"
    token.write_text("of-the-pod")
    page = Answer(PAGE.format(more="false", rest="").encode(), headers={"Content-Type": "application/xml"})
    with serving(Answer(json.dumps(given_out).encode())) as agent, serving(page) as origin:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{agent.url}/v1/credentials")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(token))
        assert listed(place, ("s3://b/m/", "AWS_ENDPOINT_URL", {}), origin.url) == 10
    assert "no objects exist below that prefix" in place.said()["message"]
    assert agent.requests[0]["authorization"] == "of-the-pod"
    assert "Credential=pod/" in origin.requests[0]["authorization"]


METADATA = "http://169.254.169.254"


@pytest.mark.parametrize(
    ("method", "path", "header"),
    [
        ("PUT", "/latest/api/token", "x-aws-ec2-metadata-token-ttl-seconds"),
        ("GET", "/latest/meta-data/iam/security-credentials/role", "x-aws-ec2-metadata-token"),
        ("GET", "/computeMetadata/v1/instance/service-accounts/default/token", "metadata-flavor"),
        ("GET", "/metadata/identity/oauth2/token?resource=x", "metadata"),
    ],
)
def test_a_metadata_service_is_asked_in_words_that_no_redirect_speaks(method: str, path: str, header: str) -> None:
    reach = reach_of("s3", "https://s3.eu.amazonaws.com/b", {"region": "eu"}, {})
    assert reach.is_identity(Request(method, METADATA + path, {header: "1"}))
    assert not reach.is_identity(Request(method, METADATA + path, {"x-amz-date": "1"}))
    assert not reach.is_identity(Request("GET", f"{METADATA}/latest/user-data", {header: "1"}))
    assert not reach.is_identity(Request("POST", METADATA + path, {header: "1"}))


def test_only_this_process_may_use_the_connections(servers: tuple[Origin, Origin]) -> None:
    _, other = servers
    host, port = other.url.removeprefix("http://").split(":")
    forward = Forward(Line(Guard(), 5, 5), Reach(frozenset([(host, int(port))])))
    with socket.create_connection(("127.0.0.1", int(forward.url.rpartition(":")[2]))) as stranger:
        stranger.sendall(f"GET {other.url}/ HTTP/1.1\r\nProxy-Authorization: Basic eDp5\r\n\r\n".encode())
        assert stranger.recv(100).startswith(b"HTTP/1.1 403 ")
    forward.close()
    assert other.requests == []
