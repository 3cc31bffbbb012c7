from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from mlendpoints.edge.fairness import Turns


def test_a_long_line_costs_a_short_one_no_more_than_a_turn() -> None:
    turns: Turns[str, str] = Turns()
    for number in range(1000):
        turns.append("noisy", f"n{number}")
    turns.append("quiet", "q0")
    turns.append("quiet", "q1")
    assert [turns.pop() for _ in range(5)] == ["n0", "q0", "n1", "q1", "n2"]


def test_a_line_that_may_not_move_keeps_its_turn() -> None:
    turns: Turns[str, str] = Turns()
    for item in ("a", "b", "c"):
        turns.append(item, item)
    assert turns.pop(may=lambda group: group == "c") == "c"
    assert turns.pop(may=lambda _group: False) is None
    assert turns.pop() == "a"


STEPS = st.lists(st.tuples(st.sampled_from(["append", "pop", "discard"]), st.sampled_from("abc"), st.integers(0, 3)))


@given(steps=STEPS)
def test_each_line_keeps_its_order_and_nothing_is_lost(steps: list[tuple[str, str, int]]) -> None:
    turns: Turns[str, tuple[str, int]] = Turns()
    lines: dict[str, deque[tuple[str, int]]] = {group: deque() for group in "abc"}
    for step, group, number in steps:
        item = (group, number)
        if step == "append":
            turns.append(group, item)
            lines[group].append(item)
        elif step == "discard":
            turns.discard(group, item)
            if item in lines[group]:
                lines[group].remove(item)
        elif (popped := turns.pop()) is not None:
            assert popped == lines[popped[0]].popleft()
        assert bool(turns) == any(lines.values())
