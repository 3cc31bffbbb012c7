"""Nothing is visible before it is whole; whole things are not fetched twice; the dead leave no lock behind."""

import hashlib
import json
import os
import random
import signal
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fetcher.settings import parse
from fetcher.volume.install import is_complete
from tests.unit.fetcher.origin import Answer, member, serving, tar_gz
from tests.unit.fetcher.running import Place, line_with, ordinary_user

CONTENT = bytes(range(256)) * 8000
FIRST = tar_gz(member("model.bin", CONTENT), member("version", b"1"))
LARGE = tar_gz(member("model.bin", random.Random(5).randbytes(4_000_000)))  # noqa: S311 - the same each time
SECOND = tar_gz(member("version", b"2"))


def digest(archive: bytes) -> str:
    return f"sha256:{hashlib.sha256(archive).hexdigest()}"


def test_nothing_is_visible_before_it_is_whole(place: Place) -> None:
    hold = threading.Event()
    with serving(Answer(FIRST, hold=hold)) as origin, place.start(origin) as process:
        origin.sent_half.wait()
        line_with(process.stdout, "Download started")
        assert not place.model.exists()
        hold.set()
        assert process.wait() == 0
    assert place.files() == {"model.bin": CONTENT, "version": b"1"}
    assert place.visible() == [".complete", "model"]


def test_what_is_there_is_not_fetched_again(place: Place) -> None:
    with serving(Answer(FIRST)) as origin:
        assert [place.run(origin), place.run(origin), place.run(origin, "--digest", digest(FIRST))] == [0, 0, 0]
    assert len(origin.requests) == 1


def test_a_download_leaves_its_size_and_rate_and_a_run_that_finds_it_installed_nothing(place: Place) -> None:
    with serving(Answer(FIRST)) as origin:
        place.run(origin)
        said = json.loads(place.termination_log.read_text())
        place.run(origin)
    assert set(said) == {"bytes", "total", "seconds", "bytesPerSecond"}
    assert (said["bytes"], said["total"]) == (len(FIRST), len(FIRST))
    assert place.termination_log.read_text() == ""


def test_another_digest_replaces_what_is_there(place: Place) -> None:
    with serving(Answer(FIRST), Answer(SECOND)) as origin:
        place.run(origin, "--digest", digest(FIRST))
        assert place.run(origin, "--digest", digest(SECOND)) == 0
    assert place.files() == {"version": b"2"}
    assert place.visible() == [".complete", "model"]


def test_another_url_replaces_what_is_there(place: Place) -> None:
    with serving(Answer(FIRST), Answer(SECOND)) as origin:
        place.run(origin)
        assert place.run(origin, name="other.tar.gz") == 0
    assert place.files() == {"version": b"2"}


def test_a_failed_replacement_leaves_what_is_there(place: Place) -> None:
    with serving(Answer(FIRST), Answer(b"broken")) as origin:
        place.run(origin)
        assert place.run(origin, name="other.tar.gz") == 12
    assert place.files()["version"] == b"1"
    assert place.visible() == [".complete", "model"]


@pytest.mark.parametrize("content", ['{"dig', "{}", "[]", "null", ""])
def test_a_model_without_a_readable_marker_counts_for_nothing(content: str, place: Place) -> None:
    with serving(Answer(FIRST), Answer(SECOND)) as origin:
        place.run(origin)
        (place.volume / ".complete").write_text(content)
        assert place.run(origin) == 0
    assert place.files() == {"version": b"2"}


def cut(place: Place) -> None:
    (place.model / "model.bin").write_bytes(CONTENT[:-1])


def removed(place: Place) -> None:
    (place.model / "version").unlink()


def added(place: Place) -> None:
    (place.model / "more").touch()


def written_to(place: Place) -> None:
    (place.model / "version").write_bytes(b"9")
    os.utime(place.model / "version", (1, 1))


@pytest.mark.parametrize("damaged", [cut, removed, added, written_to])
def test_a_model_that_was_damaged_meanwhile_is_fetched_again(damaged: Callable[[Place], None], place: Place) -> None:
    with serving(Answer(FIRST)) as origin:
        place.run(origin)
        damaged(place)
        assert place.run(origin) == 0
    assert len(origin.requests) == 2
    assert place.files() == {"model.bin": CONTENT, "version": b"1"}


def test_a_model_that_cannot_be_listed_does_not_count_as_whole() -> None:
    with tempfile.TemporaryDirectory() as scratch, serving(Answer(tar_gz(member("d/a", b"1")))) as origin:
        place = Place(Path(scratch))
        place.scratch.chmod(0o755)
        settings = parse(place.arguments(f"{origin.url}/model.tar.gz"))
        assert (place.run(origin), is_complete(settings)) == (0, True)
        (place.model / "d").chmod(0)
        with ordinary_user():
            assert not is_complete(settings)


def test_what_killed_runs_have_left_is_swept(place: Place) -> None:
    (place.volume / ".staging-dead" / "half").mkdir(parents=True)
    (place.volume / ".old-dead").mkdir()
    with serving(Answer(SECOND)) as origin:
        assert place.run(origin) == 0
    assert place.visible() == [".complete", "model"]


def test_runs_that_share_a_volume_fetch_once(place: Place) -> None:
    hold = threading.Event()
    with serving(Answer(FIRST, hold=hold)) as origin, place.start(origin) as first:
        origin.sent_half.wait()
        with place.start(origin) as second, place.start(origin) as third:
            line_with(second.stdout, "Another download is in progress")
            line_with(third.stdout, "Another download is in progress")
            hold.set()
            assert [process.wait() for process in (first, second, third)] == [0, 0, 0]
    assert len(origin.requests) == 1
    assert place.visible() == [".complete", "model"]


def test_a_killed_holder_gives_way_to_the_next(place: Place) -> None:
    hold = threading.Event()
    with serving(Answer(FIRST, hold=hold), Answer(FIRST)) as origin, place.start(origin) as first:
        origin.sent_half.wait()
        with place.start(origin) as second:
            line_with(second.stdout, "Another download is in progress")
            first.kill()
            first.wait()
            assert second.wait() == 0
        hold.set()
    assert place.files()["version"] == b"1"
    assert place.visible() == [".complete", "model"]


@pytest.mark.parametrize("archive", [FIRST, LARGE], ids=["at once", "in the middle of a file"])
def test_a_run_told_to_stop_removes_what_it_had(archive: bytes, place: Place) -> None:
    hold = threading.Event()
    with serving(Answer(archive, hold=hold)) as origin, place.start(origin) as process:
        origin.sent_half.wait()
        line_with(process.stdout, "Download started")
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 128 + signal.SIGTERM
        hold.set()
    assert place.visible() == []


def test_a_volume_that_is_not_there_is_reported_as_such(place: Place) -> None:
    with serving(Answer(FIRST)) as origin:
        assert place.run(origin, "--volume", "/nowhere/at/all") == 10
    assert "could not be installed: [Errno 2]" in place.said()["message"]


def test_a_container_without_a_termination_log_is_fine(place: Place) -> None:
    missing = place.scratch / "missing"
    with serving(Answer(status=404)) as origin:
        assert place.run(origin, "--termination-log", str(missing)) == 10
    assert not missing.exists()
