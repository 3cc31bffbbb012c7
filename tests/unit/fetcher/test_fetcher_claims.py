"""Artifacts from a mounted claim: files are unpacked, folders are taken as they are, links are not followed."""

import hashlib
import os
import tempfile
from pathlib import Path

import pytest

from fetcher.__main__ import main
from tests.unit.fetcher.origin import member, tar_gz
from tests.unit.fetcher.running import Place, ordinary_user

TREE = {"config.json": b"{}", "shards/1.bin": b"1" * 3_000_000, "shards/deep/empty": b""}


@pytest.fixture
def claim(place: Place) -> Path:
    folder = place.scratch / "claims" / "team-models"
    for name, content in TREE.items():
        path = folder / "titanic" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "model.tar.gz").write_bytes(tar_gz(member("weights", b"1")))
    return folder


def run(place: Place, url: str, *more: str) -> int:
    return main(place.arguments(url, "--claims", str(place.scratch / "claims"), *more))


def test_a_folder_is_taken_as_it_is(place: Place, claim: Path) -> None:
    lines = "".join(f"{hashlib.sha256(TREE[name]).hexdigest()}  {name}\n" for name in sorted(TREE))
    digest = f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
    assert claim.exists()
    assert run(place, "pvc://team-models/titanic", "--digest", digest) == 0
    assert place.files() == TREE


def test_a_whole_claim_is_taken_but_for_what_the_file_system_keeps(place: Place, claim: Path) -> None:
    (claim / "lost+found").mkdir(mode=0o000)
    assert run(place, "pvc://team-models") == 0
    assert sorted(place.files()) == sorted(["model.tar.gz", *(f"titanic/{name}" for name in TREE)])


@pytest.mark.parametrize("name", ["of", "data", "pieces"])
@pytest.mark.usefixtures("claim")
def test_what_cannot_be_kept_for_a_run_to_come_is_no_failure(name: str, place: Place) -> None:
    (place.volume / ".partial" / name).mkdir(parents=True)
    assert run(place, "pvc://team-models/titanic") == 0
    assert place.files() == TREE
    assert not (place.volume / ".partial").exists()


@pytest.mark.usefixtures("claim")
def test_a_link_in_place_of_what_is_kept_is_not_followed(place: Place) -> None:
    outside = place.scratch / "outside"
    outside.mkdir()
    place.volume.mkdir()
    (place.volume / ".partial").symlink_to(outside)
    assert run(place, "pvc://team-models/titanic") == 0
    assert list(outside.iterdir()) == []


@pytest.mark.usefixtures("claim")
def test_an_archive_is_unpacked(place: Place) -> None:
    assert run(place, "pvc://team-models/model.tar.gz") == 0
    assert place.files() == {"weights": b"1"}


def test_another_digest_of_a_folder_is_refused(place: Place, claim: Path) -> None:
    (claim / "titanic" / "config.json").write_bytes(b"[]")
    assert run(place, "pvc://team-models/titanic", "--digest", f"sha256:{'0' * 64}") == 11
    assert place.visible() == []


@pytest.mark.parametrize("url", ["pvc://team-models/nothing", "pvc://another/titanic", "pvc://../etc", "pvc://"])
@pytest.mark.usefixtures("claim")
def test_what_is_not_there_is_told_as_such(url: str, place: Place) -> None:
    assert run(place, url) == 10
    assert place.said()["reason"] == "ArtifactDownloadFailed"


@pytest.mark.parametrize("url", ["pvc://team-models/../../etc/passwd", "pvc://team-models/%2e%2e/x"])
@pytest.mark.usefixtures("claim")
def test_no_path_leads_outside_of_a_claim(url: str, place: Place) -> None:
    assert run(place, url) == 12
    assert "leads outside" in place.said()["message"]


@pytest.mark.parametrize("path", ["titanic", "titanic/link", "titanic/link/passwd"])
def test_links_are_not_followed(path: str, place: Place, claim: Path) -> None:
    (claim / "titanic" / "link").symlink_to("/etc")
    assert run(place, f"pvc://team-models/{path}") == 12
    assert "link" in place.said()["message"]
    assert place.visible() == []


def test_what_is_neither_file_nor_folder_is_refused(place: Place, claim: Path) -> None:
    os.mkfifo(claim / "titanic" / "pipe")
    assert run(place, "pvc://team-models/titanic") == 12
    assert "neither file nor folder" in place.said()["message"]


def test_a_folder_that_cannot_be_read_fails_the_whole() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        place = Place(Path(scratch))
        locked = place.scratch / "claims" / "team-models" / "locked"
        locked.mkdir(parents=True)
        (locked.parent / "config.json").write_bytes(b"{}")
        (locked / "weights").write_bytes(b"1")
        place.volume.mkdir()
        for path, mode in {place.scratch: 0o755, place.volume: 0o777, locked: 0o000}.items():
            path.chmod(mode)
        arguments = place.arguments("pvc://team-models/", "--claims", str(place.scratch / "claims"))
        place.termination_log.chmod(0o666)
        with ordinary_user():
            assert main(arguments) == 10
        assert "'locked' cannot be read (Permission denied)" in place.said()["message"]
        assert place.visible() == []
        locked.chmod(0o700)


def test_a_folder_without_any_file_is_no_model(place: Place, claim: Path) -> None:
    (claim / "empty" / "inner").mkdir(parents=True)
    assert run(place, "pvc://team-models/empty") == 12
    assert "contains no files" in place.said()["message"]


@pytest.mark.parametrize(("limit", "value"), [("--limit-entries", "3"), ("--limit-bytes", "1000")])
@pytest.mark.usefixtures("claim")
def test_limits_hold_for_a_folder(limit: str, value: str, place: Place) -> None:
    assert run(place, "pvc://team-models/titanic", limit, value) == 13
    assert place.said()["reason"] == "ArtifactTooLarge"
