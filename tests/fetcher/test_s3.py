"""Artifacts from an S3 server, over the network: single objects, objects put in parts, all below a prefix."""

import hashlib
import random

import pytest

from fetcher.__main__ import main
from fetcher.artifact import PIECE
from tests.fetcher.s3_server import S3Server
from tests.unit.fetcher.origin import member, tar_gz
from tests.unit.fetcher.running import Place, peak_of

WEIGHTS = random.Random(2).randbytes(11 * PIECE + 77)  # noqa: S311 - the same bytes each time
ARCHIVE = tar_gz(member("weights", WEIGHTS))


def run(s3: S3Server, place: Place, url: str, *more: str) -> int:
    return main(place.arguments(url, "--credentials", str(place.secret(s3.secret)), *more))


@pytest.mark.parametrize("in_parts", [False, True])
def test_an_object_is_fetched_and_unpacked(*, in_parts: bool, s3: S3Server, place: Place) -> None:
    s3.put("titanic/1/model.tar.gz", ARCHIVE, in_parts=in_parts)
    assert ("-" in s3.tag("titanic/1/model.tar.gz")) is in_parts
    digest = f"sha256:{hashlib.sha256(ARCHIVE).hexdigest()}"
    assert run(s3, place, "s3://models/titanic/1/model.tar.gz", "--digest", digest) == 0
    assert place.files() == {"weights": WEIGHTS}


def test_memory_does_not_grow_with_an_object(s3: S3Server, place: Place) -> None:
    s3.put("large/model.bin", WEIGHTS * 4, in_parts=True)
    secret = place.secret(s3.secret)
    assert peak_of(place.arguments("s3://models/large/model.bin", "--credentials", str(secret))) <= 64 * 1024


def test_an_object_with_an_odd_name_is_fetched(s3: S3Server, place: Place) -> None:
    s3.put("odd/gewichte größe+1 %41.bin", b"content")
    assert run(s3, place, "s3://models/odd/gewichte größe+1 %41.bin") == 0
    assert list(place.files().values()) == [b"content"]


@pytest.mark.parametrize("url", ["s3://models/tree", "s3://models/tree/"])
def test_all_below_a_prefix_becomes_a_folder(url: str, s3: S3Server, place: Place) -> None:
    tree = {"config.json": b"{}", "shards/1.bin": WEIGHTS, "shards/2.bin": b"2" * (2 * PIECE), "shards/empty": b""}
    for name, content in tree.items():
        s3.put(f"tree/{name}", content)
    s3.make_folder_marker("tree")
    s3.make_folder_marker("tree/shards")
    s3.put("tree-of-another/secret", b"not asked for")
    lines = "".join(f"{hashlib.sha256(tree[name]).hexdigest()}  {name}\n" for name in sorted(tree))
    digest = f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
    assert run(s3, place, url, "--digest", digest) == 0
    assert place.files() == tree


def test_many_small_objects_are_fetched(s3: S3Server, place: Place) -> None:
    tree = {f"{number:04}.bin": b"%d" % number for number in range(60)}
    for name, content in tree.items():
        s3.put(f"many/{name}", content)
    assert run(s3, place, "s3://models/many") == 0
    assert place.files() == tree


@pytest.mark.parametrize(("limit", "value"), [("--limit-entries", "2"), ("--limit-bytes", "5")])
def test_limits_hold_for_a_prefix(limit: str, value: str, s3: S3Server, place: Place) -> None:
    for name in "abc":
        s3.put(f"limited/{name}", b"123")
    assert run(s3, place, "s3://models/limited", limit, value) == 13
    assert place.visible() == []


@pytest.mark.parametrize("url", ["s3://models/nothing", "s3://models/nothing/", "s3://models/nothing.tar.gz"])
def test_what_is_not_there_is_told_as_such(url: str, s3: S3Server, place: Place) -> None:
    assert run(s3, place, url) == 10
    assert place.said()["reason"] == "ArtifactDownloadFailed"
    assert url.rstrip("/") in place.said()["message"]


def test_a_bucket_that_is_not_there_is_told_as_such(s3: S3Server, place: Place) -> None:
    assert run(s3, place, "s3://no-such-bucket/model.tar.gz") == 10
    assert "NoSuchBucket" in place.said()["message"]


def test_wrong_credentials_are_told_as_such_and_not_told_on(s3: S3Server, place: Place) -> None:
    s3.put("guarded/model.tar.gz", ARCHIVE)
    with s3.checking_credentials():
        assert run(s3, place, "s3://models/guarded/") == 10
    assert "InvalidAccessKeyId; check the URL and the artifactSecret" in place.said()["message"]
    assert "secret1" not in place.termination_log.read_text()
    assert place.visible() == []


def test_no_credentials_are_told_as_such(s3: S3Server, place: Place) -> None:
    s3.put("guarded/model.tar.gz", ARCHIVE)
    folder = place.secret({"AWS_ENDPOINT_URL": s3.url, "AWS_SKIP_SIGNATURE": "true"})
    assert main(place.arguments("s3://models/guarded/model.tar.gz", "--credentials", str(folder))) == 10
    assert "status 403" in place.said()["message"]
    assert "artifactSecret" in place.said()["message"]


def test_an_endpoint_must_not_lead_inside(s3: S3Server, place: Place) -> None:
    folder = place.secret({**s3.secret, "AWS_ENDPOINT_URL": "http://169.254.169.254"})
    assert main(place.arguments("s3://latest/meta-data", "--credentials", str(folder))) == 10
    assert "a metadata service" in place.said()["message"]


def test_an_unsigned_request_is_made_where_the_secret_says_so(s3: S3Server, place: Place) -> None:
    s3.publish("public/model.bin", b"content")
    folder = place.secret({"AWS_ENDPOINT_URL": s3.url, "AWS_SKIP_SIGNATURE": "true"})
    assert main(place.arguments("s3://models/public/model.bin", "--credentials", str(folder))) == 0
    assert place.files() == {"model.bin": b"content"}


def test_keys_that_make_no_sense_are_told_as_such(s3: S3Server, place: Place) -> None:
    folder = place.secret({**s3.secret, "AWS_NONSENSE": "1"})
    assert main(place.arguments("s3://models/x", "--credentials", str(folder))) == 10
    assert "the artifactSecret contains 'AWS_NONSENSE', which is not supported for s3" in place.said()["message"]
