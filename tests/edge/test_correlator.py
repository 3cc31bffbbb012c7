from hypothesis import given
from hypothesis import strategies as st

from mlendpoints.edge import correlator
from mlendpoints.edge.correlator import BURST, MOST, REFILL, SIMILAR, WINDOW, Correlator


class Rig:
    """A correlator with a clock that a test moves."""

    def __init__(self) -> None:
        self.time = 0.0
        self.correlator = Correlator(lambda: self.time)

    def post(self, *, uid: str = "u", reason: str = "Succeeded", note: str = "it") -> str | None:
        return self.correlator.correlate(uid, "Normal", reason, note)


def test_an_event_is_passed_on_as_it_is() -> None:
    assert Rig().post(note="Done.") == "Done."


def test_similar_events_are_combined_and_the_next_one_tells_how_many_they_were() -> None:
    rig = Rig()
    assert all(rig.post() for _ in range(SIMILAR))
    assert [rig.post() for _ in range(36)] == [None] * 36
    rig.time = WINDOW
    assert rig.post(note="Again.") == "(combined from 37 similar events) Again."
    assert rig.post(note="Once more.") == "Once more."


def test_one_object_makes_a_burst_and_then_one_event_in_five_minutes() -> None:
    rig = Rig()
    assert [bool(rig.post(reason=f"R{number}")) for number in range(BURST + 2)] == [True] * BURST + [False] * 2
    rig.time = REFILL
    assert rig.post(reason="A")
    assert not rig.post(reason="B")


def test_one_objects_flood_leaves_another_alone() -> None:
    rig = Rig()
    for number in range(1000):
        rig.post(reason=f"R{number}")
    assert rig.post(uid="other") == "it"


def test_only_so_many_objects_are_remembered() -> None:
    rig = Rig()
    for number in range(MOST + 10):
        rig.post(uid=str(number))
    assert len(rig.correlator._objects) == correlator.MOST  # noqa: SLF001 - it must not grow for ever


@given(steps=st.lists(st.tuples(st.floats(0, 400), st.sampled_from("abc")), max_size=200))
def test_no_history_passes_on_more_than_the_bounds(steps: list[tuple[float, str]]) -> None:
    rig, passed = Rig(), list[tuple[float, str]]()
    for pause, reason in steps:
        rig.time += pause
        if rig.post(reason=reason):
            passed.append((rig.time, reason))
    assert len(passed) <= BURST + rig.time / REFILL
    for time, reason in passed:
        recent = [one for one, other in passed if other == reason and time - WINDOW < one <= time]
        assert len(recent) <= SIMILAR
