"""A volume that is too small for all that one would like to have on it, on a real file system of that size (root)."""

import random
import subprocess
from collections.abc import Iterator

import pytest

from fetcher.__main__ import main
from fetcher.artifact import PIECE
from tests.fetcher.web_server import WebServer
from tests.unit.fetcher.hostile_zips import packed
from tests.unit.fetcher.origin import member, tar
from tests.unit.fetcher.running import Place

WEIGHTS = random.Random(4).randbytes(12 * PIECE)  # noqa: S311 - the same bytes each time


@pytest.fixture
def small(place: Place) -> Iterator[Place]:
    """A place whose volume holds 20 MiB."""
    place.volume.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={20 * PIECE}", "tmpfs", str(place.volume)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    yield place
    subprocess.run(["umount", str(place.volume)], check=True)


def test_what_is_kept_for_a_run_to_come_never_costs_the_model_its_room(web: WebServer, small: Place) -> None:
    web.put("fits.tar", tar(member("weights", WEIGHTS)))
    assert main(small.arguments(f"{web.url}/ranged/fits.tar")) == 0
    assert small.files() == {"weights": WEIGHTS}


def test_a_model_that_does_not_fit_is_told_as_such(web: WebServer, small: Place) -> None:
    web.put("large.tar", tar(member("weights", WEIGHTS), member("more", WEIGHTS)))
    assert main(small.arguments(f"{web.url}/ranged/large.tar")) == 13
    assert "increase `size`" in small.said()["message"]
    assert small.visible() == []


def test_a_zip_that_does_not_fit_is_told_as_such(web: WebServer, small: Place) -> None:
    web.put("large.zip", packed(("weights", WEIGHTS), ("more", WEIGHTS[::-1])))
    assert main(small.arguments(f"{web.url}/ranged/large.zip")) == 13
    assert "increase `size`" in small.said()["message"]
    assert small.visible() == []
