from mlendpoints.core.world import Ref
from mlendpoints.edge.reconcile.debounce import HELD, Holds

KEY, OTHER = Ref("Endpoint", "default", "a"), Ref("Endpoint", "default", "b")
INSTANCE = Ref("Model", "default", "m-1")


class Rig:
    """Holds with a clock that a test moves."""

    def __init__(self) -> None:
        self.time = 0.0
        self.holds = Holds(lambda: self.time)


def test_a_status_waits_a_moment_from_when_it_first_had_something_to_tell() -> None:
    rig = Rig()
    assert rig.holds.held(KEY, {INSTANCE}) == {INSTANCE: HELD}
    rig.time = HELD / 4
    assert rig.holds.held(KEY, {INSTANCE, KEY}) == {INSTANCE: HELD * 3 / 4, KEY: HELD}


def test_a_status_is_due_once_and_then_waits_again() -> None:
    rig = Rig()
    rig.holds.held(KEY, {INSTANCE})
    rig.time = HELD
    assert rig.holds.held(KEY, {INSTANCE}) == {}
    assert rig.holds.held(KEY, {INSTANCE}) == {INSTANCE: HELD}


def test_what_has_nothing_to_tell_any_more_is_forgotten() -> None:
    rig = Rig()
    rig.holds.held(KEY, {INSTANCE})
    rig.time = HELD
    assert rig.holds.held(KEY, frozenset()) == {}
    assert rig.holds.held(KEY, {INSTANCE}) == {INSTANCE: HELD}


def test_keys_wait_each_for_themselves() -> None:
    rig = Rig()
    rig.holds.held(KEY, {INSTANCE})
    rig.time = HELD
    assert rig.holds.held(OTHER, {INSTANCE}) == {INSTANCE: HELD}
    assert rig.holds.held(KEY, {INSTANCE}) == {}
