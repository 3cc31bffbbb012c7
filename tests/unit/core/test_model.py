"""The model check's smallest world, and mistakes that it must find (``python -m tests.model`` explores the rest)."""

import pytest

from tests.model.bugs import BUGS
from tests.model.ends import judged
from tests.model.explore import Explorer
from tests.model.trace import story
from tests.model.worlds import WORLDS, start_of


def test_one_edit_of_an_endpoint_in_service_breaks_no_law_and_ends_well() -> None:
    explorer = Explorer()
    graph = explorer.run(start_of(WORLDS["update"], explorer))

    assert graph.states == graph.expanded > 4_000
    assert graph.violation is None
    assert judged(explorer) is None


@pytest.mark.parametrize("name", ["no-pings", "scale-unproven", "done-too-early", "pods-before-routes"])
def test_a_mistake_is_found_and_told_as_a_story(name: str) -> None:
    bug = BUGS[name]
    with bug.seeded():
        explorer = Explorer()
        violation = explorer.run(start_of(WORLDS[bug.world], explorer)).violation
        assert violation is not None
        told = list(story(explorer, violation))

    assert any(line.startswith("somebody ") for line in told)
    assert any(line.startswith("gateway 0: ") for line in told)
