"""An operator that is killed at any moment leaves nothing that the next one could not finish.

20 kills: in each of 5 rounds, twice while an endpoint is made and twice while it is deleted, at moments drawn from
the round's seed within the time that the same takes undisturbed.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec import Struct

from mlendpoints.edge.kube.kinds import CONFIG, ENDPOINT, MODEL
from tests.e2e.conftest import GATEWAY, MakePlace
from tests.e2e.desk import Desk, at_rest, environment_of
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint
from tests.e2e.place import Place
from tests.e2e.standing import standing
from tests.kit.sync_client import SyncClient
from tests.kit.waiting import wait_until

ROUNDS = 5
KILLS = 2  # in each half of a round
TEMPLATES = [(CONFIG.name, "cfg"), (MODEL.name, "echo")]


class Bench(Struct):
    """A namespace with templates, the operator that serves it, and what an undisturbed run was like."""

    place: Place
    desk: Desk
    made: list[tuple[str, str]] = []
    making: float = 0.0  # seconds
    leaving: float = 0.0

    def make(self) -> None:
        self.place.apply(an_endpoint("ep", config="cfg", host=self.place.host("ep")))

    def until_made(self) -> None:
        self.place.until_ready("ep")

    def delete(self) -> None:
        self.place.delete(ENDPOINT, "ep")

    def until_left(self) -> None:
        self.place.until_gone(ENDPOINT, "ep")
        wait_until(
            lambda: standing(self.place) == TEMPLATES,
            "only templates are left",
            last=lambda: standing(self.place),
        )


@pytest.fixture(scope="module")
def bench(
    server: SyncClient,
    make_place: MakePlace,
    kubeconfig: Path,
    is_local: bool,  # noqa: FBT001 (a fixture)
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bench]:
    place = make_place()
    place.apply(an_echo("echo"), a_config("cfg", a_variant("blue", "echo"), a_variant("green", "echo")))
    environment = environment_of(kubeconfig, GATEWAY, reachable=is_local)
    desk = Desk(served=[place], environment=environment, logs=tmp_path_factory.mktemp("desk"))
    with at_rest(server, [place]), closing(desk):
        desk.start()
        yield undisturbed(Bench(place, desk))


def undisturbed(bench: Bench) -> Bench:
    bench.making = seconds(bench.make, bench.until_made)
    bench.made = standing(bench.place)
    bench.leaving = seconds(bench.delete, bench.until_left)
    return bench


def seconds(begin: Callable[[], None], end: Callable[[], None]) -> float:
    start = time.monotonic()
    begin()
    end()
    return time.monotonic() - start


def kill_now_and_then(desk: Desk, moments: random.Random, *, within: float) -> None:
    """Each operator lives until a random moment; the last one is left to work."""
    for _ in range(KILLS):
        time.sleep(moments.uniform(0, within / KILLS))
        desk.kill()
        desk.start()


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_whenever_the_operator_is_killed_the_next_one_ends_with_the_same_objects(bench: Bench, seed: int) -> None:
    moments, kills = random.Random(seed), bench.desk.kills  # noqa: S311 (moments, no secrets)
    bench.make()
    kill_now_and_then(bench.desk, moments, within=bench.making)
    bench.until_made()
    assert standing(bench.place) == bench.made
    bench.delete()
    kill_now_and_then(bench.desk, moments, within=bench.leaving)
    bench.until_left()
    assert bench.desk.kills == kills + 2 * KILLS
