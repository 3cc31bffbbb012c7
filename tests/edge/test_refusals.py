from mlendpoints.api.reasons import Reason
from mlendpoints.core.plan import Create
from mlendpoints.core.world import Ref, Refusal
from mlendpoints.edge.refusals import HELD_BACK, Refusals

KEY, OTHER = Ref("Endpoint", "default", "a"), Ref("Endpoint", "default", "b")
SERVICE = Ref("Service", "default", "s")
WRITE = Create(SERVICE, {"spec": 1})
REFUSAL = Refusal(Reason.QUOTA_EXCEEDED, "too many")


class Rig:
    """Refusals with a clock that a test moves; one write of ``KEY`` was refused."""

    def __init__(self) -> None:
        self.time = 0.0
        self.refusals = Refusals(lambda: self.time)
        self.refusals.refuse(KEY, SERVICE, WRITE, REFUSAL)


def test_a_refusal_is_its_own_keys_alone() -> None:
    rig = Rig()
    assert rig.refusals.of(KEY) == {SERVICE: REFUSAL}
    assert rig.refusals.of(OTHER) == {}


def test_the_same_write_is_held_back_for_a_while() -> None:
    rig = Rig()
    assert rig.refusals.holds_back(KEY, SERVICE, WRITE)
    rig.time = HELD_BACK
    assert not rig.refusals.holds_back(KEY, SERVICE, WRITE)


def test_another_write_of_the_same_object_is_not_held_back() -> None:
    assert not Rig().refusals.holds_back(KEY, SERVICE, Create(SERVICE, {"spec": 2}))


def test_a_write_that_is_taken_clears_its_refusal() -> None:
    rig = Rig()
    rig.refusals.clear(KEY, SERVICE)
    assert rig.refusals.of(KEY) == {}


def test_refusals_of_what_is_asked_for_no_more_are_forgotten() -> None:
    rig = Rig()
    rig.refusals.keep_only(KEY, {SERVICE})
    assert rig.refusals.of(KEY) == {SERVICE: REFUSAL}
    rig.refusals.keep_only(KEY, set())
    assert rig.refusals.of(KEY) == {}
