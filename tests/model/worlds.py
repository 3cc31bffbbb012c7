"""The bounded worlds: where each begins, and how much people and misfortune may do in it."""

from collections.abc import Iterator

from msgspec import Struct

from tests.model.explore import Explorer
from tests.model.state import ABSENT, LISTED, Budget, State


class Bounds(Struct, frozen=True, kw_only=True):
    """One bounded world."""

    what: str
    edits: int
    mishaps: int
    in_service: bool  # it begins with an endpoint in service, else with one that is new
    keep: int = 0  # earlier versions whose instances stay
    earlier: bool = False  # another release has made what is in service
    dead: bool = False  # one of its gateway pods is on a node that has just died
    stepwise: bool = False  # updates pass through several waypoints
    shifted: bool = False  # it is being updated to a second version, whose first weights have just been written


WORLDS = {
    "creation": Bounds(what="a new endpoint, one edit", edits=1, mishaps=0, in_service=False),
    "accident": Bounds(what="a new endpoint, one mishap", edits=0, mishaps=1, in_service=False),
    "update": Bounds(what="an endpoint in service, one edit", edits=1, mishaps=0, in_service=True),
    "dead gateway": Bounds(
        what="the same, with a gateway pod on a dead node", edits=1, mishaps=0, in_service=True, dead=True
    ),
    "upgrade": Bounds(
        what="an endpoint in service that an earlier release has made, one mishap",
        edits=0,
        mishaps=1,
        in_service=True,
        earlier=True,
    ),
    "upgrade and update": Bounds(
        what="the same, keeping a version, two edits", edits=2, mishaps=0, in_service=True, keep=1, earlier=True
    ),
    "conflict": Bounds(what="an endpoint in service, two edits", edits=2, mishaps=0, in_service=True),
    "trouble": Bounds(what="an endpoint in service, one edit, one mishap", edits=1, mishaps=1, in_service=True),
    "return": Bounds(
        what="an endpoint in service that keeps a version, two edits", edits=2, mishaps=0, in_service=True, keep=1
    ),
    "superseded": Bounds(
        what="an update whose traffic has just shifted, one edit", edits=1, mishaps=0, in_service=True, shifted=True
    ),
    "superseded and trouble": Bounds(
        what="the same, and one mishap", edits=1, mishaps=1, in_service=True, shifted=True
    ),
    "waypoints": Bounds(
        what="an endpoint in service, one edit in three steps", edits=1, mishaps=0, in_service=True, stepwise=True
    ),
    "waypoints and trouble": Bounds(
        what="the same, one edit, one mishap", edits=1, mishaps=1, in_service=True, stepwise=True
    ),
    "waypoints superseded": Bounds(
        what="an update at its first step, one edit", edits=1, mishaps=0, in_service=True, shifted=True, stepwise=True
    ),
}


def start_of(bounds: Bounds, explorer: Explorer) -> State:
    """The state in which a world begins."""
    new = State(ask="shared", keep=bounds.keep, stepwise=bounds.stepwise)
    begun = _rest_after(new, explorer) if bounds.in_service else new
    if bounds.shifted:
        begun = _shifted(begun._replace(ask="second version"), explorer)
    if bounds.earlier:
        made = (
            (name, instance._replace(earlier=True, built_earlier=instance.deployment != ABSENT))
            for name, instance in begun.instances
        )
        begun = begun._replace(instances=tuple(made))
    if bounds.dead:
        first, last = begun.gateways
        begun = begun._replace(gateways=(first, last._replace(dead=LISTED, answered=frozenset())))
    return begun._replace(budget=Budget(edits=bounds.edits, mishaps=bounds.mishaps))


def _rest_after(state: State, explorer: Explorer) -> State:
    while (following := next(_helpful(state, explorer), None)) is not None:
        state = following
    return state


def _shifted(state: State, explorer: Explorer) -> State:
    """The first state of an update in which others than before get traffic."""
    before = state.routes
    while state.routes is None or before is None or state.routes.destinations == before.destinations:
        state = next(_helpful(state, explorer))
    return state


def _helpful(state: State, explorer: Explorer) -> Iterator[State]:
    return (move.after for move in explorer.moves(state) if move.helpful and move.after != state)
