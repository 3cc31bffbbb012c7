from mlendpoints.api.reasons import Reason
from mlendpoints.core.plan import Create, SetStatus
from mlendpoints.core.world import Child, Ref, Refusal
from mlendpoints.edge.reconcile.rejections import HELD_BACK, SOON, Refusals

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
    rig.time = SOON
    assert not rig.refusals.holds_back(KEY, SERVICE, WRITE)


def test_another_write_of_the_same_object_is_not_held_back() -> None:
    assert not Rig().refusals.holds_back(KEY, SERVICE, Create(SERVICE, {"spec": 2}))


def test_a_write_that_is_taken_clears_its_refusal() -> None:
    rig = Rig()
    rig.refusals.clear(KEY, SERVICE, WRITE)
    assert rig.refusals.of(KEY) == {}


def test_refusals_of_what_is_asked_for_no_more_are_forgotten() -> None:
    rig = Rig()
    rig.refusals.keep_only(KEY, {SERVICE})
    assert rig.refusals.of(KEY) == {SERVICE: REFUSAL}
    rig.refusals.keep_only(KEY, set())
    assert rig.refusals.of(KEY) == {}


def test_what_is_refused_for_a_minute_is_still_tried_every_three_seconds() -> None:
    rig = Rig()
    while rig.time < 60:
        wait = rig.refusals.due(KEY)
        assert wait is not None
        assert wait < 3
        rig.time += wait
        rig.refusals.refuse(KEY, SERVICE, WRITE, REFUSAL)


def test_what_is_refused_for_hours_is_tried_a_few_times_a_minute() -> None:
    rig = Rig()
    tries = 0
    while rig.time < 7200:
        rig.time += rig.refusals.due(KEY) or 0.0
        rig.refusals.refuse(KEY, SERVICE, WRITE, REFUSAL)
        tries += 1

    assert rig.refusals.due(KEY) == HELD_BACK
    assert tries < 7200 / HELD_BACK + 100


def test_a_status_that_is_taken_clears_no_refusal_of_its_object() -> None:
    rig = Rig()
    rig.refusals.clear(KEY, SERVICE, SetStatus(Child(ref=SERVICE, uid="1", resource_version="1"), {}))
    assert rig.refusals.of(KEY) == {SERVICE: REFUSAL}


def test_nothing_is_due_when_nothing_was_refused() -> None:
    assert Rig().refusals.due(OTHER) is None


def test_a_stranger_is_looked_after_from_the_first() -> None:
    rig = Rig()
    stranger = Refusal(Reason.NOT_OWNED, "Service s exists")
    rig.refusals.refuse(KEY, SERVICE, WRITE, stranger)
    assert rig.refusals.standing(KEY) == {SERVICE: stranger}


def test_what_is_tried_seldom_is_looked_after_until_what_it_met_has_gone() -> None:
    rig = Rig()
    assert rig.refusals.standing(KEY) == {}
    rig.time = 3600
    rig.refusals.refuse(KEY, SERVICE, WRITE, REFUSAL)
    assert rig.refusals.standing(KEY) == {SERVICE: REFUSAL}
    assert rig.refusals.holds_back(KEY, SERVICE, WRITE)

    rig.refusals.lift(KEY, [SERVICE, Ref("Service", "default", "other")])
    rig.refusals.lift(OTHER, [SERVICE])
    assert not rig.refusals.holds_back(KEY, SERVICE, WRITE)
    assert (rig.refusals.due(KEY), rig.refusals.due(OTHER)) == (0.0, None)

    rig.refusals.refuse(KEY, SERVICE, WRITE, REFUSAL)
    assert rig.refusals.holds_back(KEY, SERVICE, WRITE)
    assert rig.refusals.due(KEY) == HELD_BACK
