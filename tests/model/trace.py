"""The shortest way to a state, in words."""

from collections.abc import Iterator
from itertools import pairwise

from tests.model.explore import Explorer, Violation
from tests.model.state import State


def story(explorer: Explorer, violation: Violation) -> Iterator[str]:
    """What led to a broken law, and the state it was found in."""
    yield from told(explorer, way_to(explorer, violation.state))
    if violation.move is not None:
        yield f"{violation.move.what}   <- broken"
    yield ""
    yield from picture(explorer.state(violation.state))


def way_to(explorer: Explorer, number: int) -> list[int]:
    """The states on a shortest way from a start."""
    way = [number]
    while (parent := explorer.graph.parents[way[-1]]) >= 0:
        way.append(parent)
    return way[::-1]


def told(explorer: Explorer, way: list[int]) -> Iterator[str]:
    """What happened on a way, one line for each move."""
    for before, after in pairwise(way):
        found = next(m for m in explorer.moves(explorer.state(before)) if explorer.number_after(m) == after)
        yield found.what


def picture(state: State) -> Iterator[str]:
    """A state, one line for each part."""
    yield f"asked: {state.ask}; life: {state.life}; status: {state.status}"
    yield f"VirtualService: {state.routes}{' (altered)' if state.routes_altered else ''}"
    for name, instance in state.instances:
        yield f"{name}: {instance}"
    for n, gateway in enumerate(state.gateways):
        yield f"gateway {n}: {gateway}"
