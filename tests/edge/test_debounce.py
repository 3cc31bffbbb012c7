import pytest

from mlendpoints.core.world import Ref
from mlendpoints.edge.fairness import Budget
from mlendpoints.edge.reconcile.debounce import DELAY, Debounce

KEY, OTHER = Ref("Endpoint", "default", "a"), Ref("Endpoint", "default", "b")
INSTANCE = Ref("Model", "default", "m-1")


class Rig:
    """Holds with a clock that a test moves."""

    def __init__(self) -> None:
        self.time = 0.0
        self.debounce = Debounce(lambda: self.time, repeats=Budget(rate=10.0, burst=2.0, clock=lambda: self.time))


def test_a_status_waits_a_moment_from_when_it_first_had_something_to_tell() -> None:
    rig = Rig()
    assert rig.debounce.waiting(KEY, {INSTANCE}) == {INSTANCE: DELAY}
    rig.time = DELAY / 4
    assert rig.debounce.waiting(KEY, {INSTANCE, KEY}) == {INSTANCE: DELAY * 3 / 4, KEY: DELAY}


def test_a_status_is_due_once_and_then_waits_again() -> None:
    rig = Rig()
    rig.debounce.waiting(KEY, {INSTANCE})
    rig.time = DELAY
    assert rig.debounce.waiting(KEY, {INSTANCE}) == {}
    assert rig.debounce.waiting(KEY, {INSTANCE}) == {INSTANCE: DELAY}


def test_what_has_nothing_to_tell_any_more_is_forgotten() -> None:
    rig = Rig()
    rig.debounce.waiting(KEY, {INSTANCE})
    rig.time = DELAY
    assert rig.debounce.waiting(KEY, frozenset()) == {}
    assert rig.debounce.waiting(KEY, {INSTANCE}) == {INSTANCE: DELAY}


def test_keys_wait_each_for_themselves() -> None:
    rig = Rig()
    rig.debounce.waiting(KEY, {INSTANCE})
    rig.time = DELAY
    assert rig.debounce.waiting(OTHER, {INSTANCE}) == {INSTANCE: DELAY}
    assert rig.debounce.waiting(KEY, {INSTANCE}) == {}


def key(number: int, namespace: str = "default") -> Ref:
    return Ref("Endpoint", namespace, str(number))


def repeat(rig: Rig, which: Ref) -> float:
    """For how many seconds the status of a key waits that says nothing new but its generation."""
    return rig.debounce.waiting(which, frozenset(), repeats={which}).get(which, 0.0)


def test_statuses_that_say_nothing_new_are_written_at_once_up_to_a_number_and_then_one_after_the_other() -> None:
    rig = Rig()
    assert [repeat(rig, key(number)) for number in range(5)] == pytest.approx([0.0, 0.0, 0.1, 0.2, 0.3])
    assert repeat(rig, key(0, "another")) == 0.0


def test_a_status_that_waits_for_its_turn_keeps_it() -> None:
    rig = Rig()
    for number in range(4):
        repeat(rig, key(number))
    rig.time = 0.1
    assert repeat(rig, key(3)) == pytest.approx(0.1)
    rig.time = 0.2
    assert repeat(rig, key(3)) == 0.0


def test_details_wait_no_longer_because_a_status_waited_for_its_turn() -> None:
    rig = Rig()
    for number in range(100):
        repeat(rig, key(number))
    assert rig.debounce.waiting(key(99), {key(99)}) == {key(99): DELAY}
