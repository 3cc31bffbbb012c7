"""A killed run's successor fetches only what is missing, and never takes what is of another object."""

import contextlib
import random

import pytest

from fetcher.artifact import PIECE
from fetcher.volume.partial import NAME
from tests.fetcher.web_server import WebServer
from tests.images.processes import until
from tests.unit.fetcher.origin import member, tar
from tests.unit.fetcher.running import Place

STREAMS = 2
WEIGHTS = random.Random(3).randbytes(24 * PIECE)  # noqa: S311 - the same bytes each time
ARCHIVE = tar(member("weights", WEIGHTS))


def kept(place: Place) -> int:
    """Bytes that a run to come need not fetch."""
    return taken(place, f"{NAME}/data")


def taken(place: Place, pattern: str) -> int:
    """Bytes on the disk of files that a process may make and remove meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        return sum(path.stat().st_blocks * 512 for path in place.volume.glob(pattern))
    return 0


def killed_after(place: Place, arguments: list[str], size: int) -> None:
    """Runs until so many bytes are kept, then is killed."""
    with place.started(arguments) as process:
        until(lambda: kept(place) >= size)
        process.kill()


def fetched(web: WebServer, *, after: int) -> int:
    """Bytes sent by connections that were made after another."""
    return sum(int(request["sent"]) for request in web.asked() if request["connection"] > after)


@pytest.fixture(autouse=True)
def _served(web: WebServer) -> None:
    web.put("model.tar", ARCHIVE)
    web.forget()


def test_what_a_killed_run_has_fetched_is_not_fetched_again(web: WebServer, place: Place) -> None:
    slow = place.arguments(f"{web.url}/slow/model.tar", "--streams", str(STREAMS))
    killed_after(place, slow, 6 * PIECE)
    before = kept(place)
    connection = max(request["connection"] for request in web.asked())
    with place.started(slow) as process:
        assert process.wait() == 0
    assert place.files() == {"weights": WEIGHTS}
    assert fetched(web, after=connection) <= len(ARCHIVE) - before + STREAMS * PIECE + 1
    assert not (place.volume / NAME).exists()


def test_runs_killed_again_and_again_end(web: WebServer, place: Place) -> None:
    slow = place.arguments(f"{web.url}/slow/model.tar", "--streams", str(STREAMS))
    for part in range(1, 6):
        killed_after(place, slow, part * 3 * PIECE)
        assert not place.model.exists()
    with place.started(slow) as process:
        assert process.wait() == 0
    assert place.files() == {"weights": WEIGHTS}
    assert place.visible() == [".complete", "model"]


def test_what_was_kept_of_another_object_is_not_taken(web: WebServer, place: Place) -> None:
    slow = place.arguments(f"{web.url}/slow/model.tar", "--streams", str(STREAMS))
    killed_after(place, slow, 4 * PIECE)
    web.put("model.tar", tar(member("weights", WEIGHTS[::-1] + b"1")))
    with place.started(slow) as process:
        assert process.wait() == 0
    assert place.files() == {"weights": WEIGHTS[::-1] + b"1"}


def test_what_has_been_damaged_meanwhile_is_fetched_again(web: WebServer, place: Place) -> None:
    slow = place.arguments(f"{web.url}/slow/model.tar", "--streams", str(STREAMS))
    killed_after(place, slow, 4 * PIECE)
    with (place.volume / NAME / "data").open("r+b") as data:
        data.seek(PIECE + 5)
        data.write(b"damage")
    with place.started(slow) as process:
        assert process.wait() == 0
    assert place.files() == {"weights": WEIGHTS}


def test_nothing_is_kept_at_the_cost_of_the_models_room(web: WebServer, place: Place) -> None:
    tight = place.arguments(f"{web.url}/slow/model.tar", "--limit-bytes", str(len(ARCHIVE) + PIECE))
    peak = 0
    with place.started(tight) as process:
        while process.poll() is None:
            peak = max(peak, kept(place) + taken(place, ".staging-*/weights"))
        assert process.wait() == 0
    assert place.files() == {"weights": WEIGHTS}
    assert 0 < peak <= len(ARCHIVE) + 3 * PIECE
