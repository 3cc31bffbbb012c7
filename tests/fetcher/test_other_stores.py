"""Artifacts from Azure's and Google's stores, as servers of the same protocols speak them."""

import base64
import hashlib
import random

import obstore
import pytest

from fetcher.__main__ import main
from fetcher.artifact import PIECE
from tests.fetcher.other_stores import ACCOUNT, StoreServer
from tests.unit.fetcher.origin import member, tar_gz
from tests.unit.fetcher.running import Place

WEIGHTS = random.Random(2).randbytes(3 * PIECE + 77)  # noqa: S311 - the same bytes each time
ARCHIVE = tar_gz(member("weights", WEIGHTS))


def test_an_object_is_fetched_in_ranges_and_unpacked(other_store: StoreServer, place: Place) -> None:
    other_store.put("titanic/1/model.tar.gz", ARCHIVE)
    digest = f"sha256:{hashlib.sha256(ARCHIVE).hexdigest()}"
    secret = ("--credentials", str(place.secret(other_store.secret)))
    assert main(place.arguments(other_store.url("titanic/1/model.tar.gz"), *secret, "--digest", digest)) == 0
    assert place.files() == {"weights": WEIGHTS}


def test_an_object_with_an_odd_name_is_fetched_from_google(google: StoreServer, place: Place) -> None:
    google.put("odd/gewichte größe+1.bin", b"content")
    secret = ("--credentials", str(place.secret(google.secret)))
    assert main(place.arguments(google.url("odd/gewichte größe+1.bin"), *secret)) == 0
    assert list(place.files().values()) == [b"content"]


def test_an_odd_name_cannot_be_signed_for_azure_and_is_reported(azure: StoreServer, place: Place) -> None:
    obstore.put(azure.store, "odd/gewichte größe.bin", b"content")
    secret = ("--credentials", str(place.secret(azure.secret)))
    for key in ("odd/gewichte größe.bin", "odd/"):
        assert main(place.arguments(azure.url(key), *secret)) == 10
        assert "names with spaces or other characters that URLs escape" in place.said()["message"]


def test_all_below_a_prefix_becomes_a_folder(other_store: StoreServer, place: Place) -> None:
    tree = {"config.json": b"{}", "shards/1.bin": WEIGHTS, "shards/2.bin": b"2" * (2 * PIECE)}
    for name, content in tree.items():
        other_store.put(f"tree/{name}", content)
    other_store.put("tree-of-another/secret", b"another model's")
    secret = ("--credentials", str(place.secret(other_store.lists)))
    assert main(place.arguments(other_store.url("tree"), *secret)) == 0
    assert place.files() == tree


def test_an_absent_object_is_reported(other_store: StoreServer, place: Place) -> None:
    secret = ("--credentials", str(place.secret(other_store.lists)))
    assert main(place.arguments(other_store.url("absent/"), *secret)) == 10
    assert other_store.url("absent") in place.said()["message"]


@pytest.mark.parametrize("key", ["guarded/model.tar.gz", "guarded/"])
def test_a_wrong_key_is_reported_and_not_logged(key: str, azure: StoreServer, place: Place) -> None:
    azure.put("guarded/model.tar.gz", ARCHIVE)
    wrong = base64.b64encode(b"k" * 32).decode()
    folder = place.secret({**azure.secret, "AZURE_STORAGE_ACCOUNT_KEY": wrong})
    assert main(place.arguments(azure.url(key), "--credentials", str(folder))) == 10
    message = place.said()["message"]
    assert "403" in message or "Authenticat" in message or "Authoriz" in message
    assert not [each for each in (wrong, "sig=", ACCOUNT + ":") if each in place.termination_log.read_text()]
