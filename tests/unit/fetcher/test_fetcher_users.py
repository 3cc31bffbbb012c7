"""Volumes outlive users: what an earlier version fetched as user 1000 is found, or fetched again, by another user."""

import os
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.fetcher.origin import Answer, Origin, member, serving, tar_gz
from tests.unit.fetcher.running import Place

GROUP = 1000
BEFORE, NOW = 1000, 65533

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="becomes other users")


@pytest.fixture
def place() -> Iterator[Place]:
    """A volume as the kubelet hands it over: of the pod's group, which whatever is made in it inherits."""
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch).chmod(0o777)
        place = Place(Path(scratch))
        place.volume.mkdir()
        os.chown(place.volume, 0, GROUP)
        place.volume.chmod(0o2775)
        yield place


@pytest.fixture
def origin() -> Iterator[Origin]:
    with serving(Answer(tar_gz(member("folder/model.bin", b"weights")))) as running:
        yield running


def as_user(user: int, work: Callable[[], int]) -> int:
    """The exit code of the work, done by a process of this user in the volume's group."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 99
    try:
        os.setgroups([])
        os.setgid(GROUP)
        os.setuid(user)
        code = work()
    except BaseException:  # noqa: BLE001 - the child must not go on as a test
        traceback.print_exc()
    finally:
        os._exit(code)


def fetched(place: Place, origin: Origin, user: int, *more: str) -> int:
    place.arguments("")
    place.termination_log.chmod(0o666)
    return as_user(user, lambda: place.run(origin, *more))


def test_a_whole_artifact_of_another_user_is_found_installed(place: Place, origin: Origin) -> None:
    assert fetched(place, origin, BEFORE) == 0
    requests = len(origin.requests)
    assert fetched(place, origin, NOW) == 0
    assert len(origin.requests) == requests


def test_another_artifact_takes_the_place_of_another_user_s(place: Place, origin: Origin) -> None:
    assert fetched(place, origin, BEFORE) == 0
    (place.volume / ".complete").unlink()
    assert fetched(place, origin, NOW) == 0
    assert (place.model).stat().st_uid == NOW


def test_what_a_killed_run_of_another_user_left_is_out_of_the_way(place: Place, origin: Origin) -> None:
    def leave() -> int:
        for name in (".partial", ".staging-x"):
            folder = place.volume / name
            folder.mkdir(mode=0o700)
            (folder / "pieces").write_text("")
        (place.volume / ".lock").touch(0o644)
        return 0

    assert as_user(BEFORE, leave) == 0
    assert fetched(place, origin, NOW) == 0
    assert place.model.is_dir()
