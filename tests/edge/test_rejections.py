from mlendpoints.api.reasons import Reason
from mlendpoints.core.plan import Create, SetStatus
from mlendpoints.core.world import Child, Ref, Rejection
from mlendpoints.edge.reconcile.rejections import FIRST_RETRY, LAST_RETRY, Rejections

KEY, OTHER = Ref("Endpoint", "default", "a"), Ref("Endpoint", "default", "b")
SERVICE = Ref("Service", "default", "s")
WRITE = Create(SERVICE, {"spec": 1})
REJECTION = Rejection(Reason.QUOTA_EXCEEDED, "too many")


class Rig:
    """Refusals with a clock that a test moves; one write of ``KEY`` was refused."""

    def __init__(self) -> None:
        self.time = 0.0
        self.rejections = Rejections(lambda: self.time)
        self.rejections.add(KEY, SERVICE, WRITE, REJECTION)


def test_a_refusal_is_its_own_keys_alone() -> None:
    rig = Rig()
    assert rig.rejections.of(KEY) == {SERVICE: REJECTION}
    assert rig.rejections.of(OTHER) == {}


def test_the_same_write_is_held_back_for_a_while() -> None:
    rig = Rig()
    assert rig.rejections.is_backing_off(KEY, SERVICE, WRITE)
    rig.time = FIRST_RETRY
    assert not rig.rejections.is_backing_off(KEY, SERVICE, WRITE)


def test_another_write_of_the_same_object_is_not_held_back() -> None:
    assert not Rig().rejections.is_backing_off(KEY, SERVICE, Create(SERVICE, {"spec": 2}))


def test_a_write_that_is_taken_clears_its_refusal() -> None:
    rig = Rig()
    rig.rejections.clear(KEY, SERVICE, WRITE)
    assert rig.rejections.of(KEY) == {}


def test_refusals_of_what_is_asked_for_no_more_are_forgotten() -> None:
    rig = Rig()
    rig.rejections.keep_only(KEY, {SERVICE})
    assert rig.rejections.of(KEY) == {SERVICE: REJECTION}
    rig.rejections.keep_only(KEY, set())
    assert rig.rejections.of(KEY) == {}


def test_what_is_refused_for_a_minute_is_still_tried_every_three_seconds() -> None:
    rig = Rig()
    while rig.time < 60:
        wait = rig.rejections.due(KEY)
        assert wait is not None
        assert wait < 3
        rig.time += wait
        rig.rejections.add(KEY, SERVICE, WRITE, REJECTION)


def test_what_is_refused_for_hours_is_tried_a_few_times_a_minute() -> None:
    rig = Rig()
    tries = 0
    while rig.time < 7200:
        rig.time += rig.rejections.due(KEY) or 0.0
        rig.rejections.add(KEY, SERVICE, WRITE, REJECTION)
        tries += 1

    assert rig.rejections.due(KEY) == LAST_RETRY
    assert tries < 7200 / LAST_RETRY + 100


def test_a_status_that_is_taken_clears_no_refusal_of_its_object() -> None:
    rig = Rig()
    rig.rejections.clear(KEY, SERVICE, SetStatus(Child(ref=SERVICE, uid="1", resource_version="1"), {}))
    assert rig.rejections.of(KEY) == {SERVICE: REJECTION}


def test_nothing_is_due_when_nothing_was_refused() -> None:
    assert Rig().rejections.due(OTHER) is None


def test_a_stranger_is_looked_after_from_the_first() -> None:
    rig = Rig()
    stranger = Rejection(Reason.NOT_OWNED, "Service s exists")
    rig.rejections.add(KEY, SERVICE, WRITE, stranger)
    assert rig.rejections.unresolved(KEY) == {SERVICE: stranger}


def test_what_is_tried_seldom_is_looked_after_until_what_it_met_has_gone() -> None:
    rig = Rig()
    assert rig.rejections.unresolved(KEY) == {}
    rig.time = 3600
    rig.rejections.add(KEY, SERVICE, WRITE, REJECTION)
    assert rig.rejections.unresolved(KEY) == {SERVICE: REJECTION}
    assert rig.rejections.is_backing_off(KEY, SERVICE, WRITE)

    rig.rejections.retry_now(KEY, [SERVICE, Ref("Service", "default", "other")])
    rig.rejections.retry_now(OTHER, [SERVICE])
    assert not rig.rejections.is_backing_off(KEY, SERVICE, WRITE)
    assert (rig.rejections.due(KEY), rig.rejections.due(OTHER)) == (0.0, None)

    rig.rejections.add(KEY, SERVICE, WRITE, REJECTION)
    assert rig.rejections.is_backing_off(KEY, SERVICE, WRITE)
    assert rig.rejections.due(KEY) == LAST_RETRY
