"""An operator that is killed at any moment leaves nothing that the next one could not finish.

20 kills: in each of 5 rounds, twice while an endpoint is made and twice while it is deleted, at moments drawn from
the round's seed within the time that the same takes undisturbed.
"""

import random
import time
from collections.abc import Callable, Iterator

import pytest
from msgspec import Struct

from mlendpoints.edge.kube.kinds import CONFIG, ENDPOINT, MODEL
from tests.e2e.conftest import MakeNamespace, OperatorOf
from tests.e2e.inventory import inventory
from tests.e2e.namespace import Namespace
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint
from tests.e2e.operator_process import OperatorProcess
from tests.kit.waiting import wait_until

ROUNDS = 5
KILLS = 2  # in each half of a round
TEMPLATES = [(CONFIG.name, "cfg"), (MODEL.name, "echo")]


class Trial(Struct):
    """A namespace with templates, the operator that serves it, and what an undisturbed run was like."""

    namespace: Namespace
    operator: OperatorProcess
    made: list[tuple[str, str]] = []
    making: float = 0.0  # seconds
    leaving: float = 0.0

    def make(self) -> None:
        self.namespace.apply(an_endpoint("ep", config="cfg", host=self.namespace.host("ep")))

    def until_made(self) -> None:
        self.namespace.until_ready("ep")

    def delete(self) -> None:
        self.namespace.delete(ENDPOINT, "ep")

    def until_left(self) -> None:
        self.namespace.until_gone(ENDPOINT, "ep")
        wait_until(
            lambda: inventory(self.namespace) == TEMPLATES,
            "only templates are left",
            last=lambda: inventory(self.namespace),
        )


@pytest.fixture(scope="module")
def trial(make_namespace: MakeNamespace, operator_of: OperatorOf) -> Iterator[Trial]:
    namespace = make_namespace()
    namespace.apply(an_echo("echo"), a_config("cfg", a_variant("blue", "echo"), a_variant("green", "echo")))
    with operator_of(namespace) as operator:
        operator.start()
        yield undisturbed(Trial(namespace, operator))


def undisturbed(trial: Trial) -> Trial:
    trial.making = seconds(trial.make, trial.until_made)
    trial.made = inventory(trial.namespace)
    trial.leaving = seconds(trial.delete, trial.until_left)
    return trial


def seconds(begin: Callable[[], None], end: Callable[[], None]) -> float:
    start = time.monotonic()
    begin()
    end()
    return time.monotonic() - start


def kill_now_and_then(operator: OperatorProcess, moments: random.Random, *, within: float) -> None:
    """Each operator lives until a random moment; the last one is left to work."""
    for _ in range(KILLS):
        time.sleep(moments.uniform(0, within / KILLS))
        operator.kill()
        operator.start()


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_whenever_the_operator_is_killed_the_next_one_ends_with_the_same_objects(trial: Trial, seed: int) -> None:
    moments, kills = random.Random(seed), trial.operator.kills  # noqa: S311 (moments, no secrets)
    trial.make()
    kill_now_and_then(trial.operator, moments, within=trial.making)
    trial.until_made()
    assert inventory(trial.namespace) == trial.made
    trial.delete()
    kill_now_and_then(trial.operator, moments, within=trial.leaving)
    trial.until_left()
    assert trial.operator.kills == kills + 2 * KILLS
