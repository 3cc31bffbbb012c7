from mlendpoints.core.world import Ref
from mlendpoints.edge.reconcile.debounce import DELAY, Debounce

KEY, OTHER = Ref("Endpoint", "default", "a"), Ref("Endpoint", "default", "b")
INSTANCE = Ref("Model", "default", "m-1")


class Rig:
    """Holds with a clock that a test moves."""

    def __init__(self) -> None:
        self.time = 0.0
        self.debounce = Debounce(lambda: self.time)


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
