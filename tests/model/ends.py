"""Whether everything comes to rest, and where: no helpful move leads in a circle, and each way ends well.

Both together say more than that there is a way: left alone, *every* order of
helpful moves ends, and in a state that is as it shall be.
"""

from array import array
from collections.abc import Iterator

from tests.model.asks import can_get_ready, listener_of, target_of
from tests.model.explore import Explorer, Violation
from tests.model.laws import alive, can_return, recorded_target
from tests.model.operator import Operator
from tests.model.state import GONE, LIVING, State


def judged(explorer: Explorer) -> Violation | None:
    """The first end that is not well, or a state on a circle of helpful moves."""
    order = _outcomes(explorer)
    for number in order.ends:
        if wrong := "; ".join(wrong_in(explorer.state(number), explorer.operator)):
            return Violation(wrong, number)
    if order.circling:
        return Violation("helpful moves lead in a circle", order.circling[0])
    return None


class Outcomes:
    """The states without a helpful move, and those from which helpful moves need not end."""

    def __init__(self, ends: list[int], circling: list[int]) -> None:
        self.ends = ends
        self.circling = circling


def _outcomes(explorer: Explorer) -> Outcomes:
    graph = explorer.graph
    left, starts, sources = _backwards(graph.states, graph.sources, graph.ends)
    ends = [number for number in range(graph.states) if left[number] == 0]
    done, waiting = bytearray(graph.states), list(ends)
    while waiting:
        number = waiting.pop()
        done[number] = 1
        for position in range(starts[number], starts[number + 1]):
            source = sources[position]
            left[source] -= 1
            if left[source] == 0:
                waiting.append(source)
    return Outcomes(ends, [number for number in range(graph.states) if not done[number]])


def _backwards(
    states: int, sources: "array[int]", ends: "array[int]"
) -> tuple["array[int]", "array[int]", "array[int]"]:
    """Helpful moves left in each state; and for each state, where its predecessors stand in one long row."""
    left, starts = array("I", bytes(4 * states)), array("I", bytes(4 * (states + 2)))
    for source, end in zip(sources, ends, strict=True):
        left[source] += 1
        starts[end + 2] += 1
    for number in range(2, states + 2):
        starts[number] += starts[number - 1]
    row = array("I", bytes(4 * len(ends)))
    for source, end in zip(sources, ends, strict=True):
        row[starts[end + 1]] = source
        starts[end + 1] += 1
    return left, starts, row


def wrong_in(state: State, operator: Operator) -> Iterator[str]:
    """Why a state that nothing helpful leads out of is not a good end."""
    if state.life == GONE:
        yield from _left_behind(state)
    elif state.life != LIVING:
        yield "the endpoint never goes"
    elif target_of(state.ask) is None:
        yield from _not_in_force(state)
    else:
        yield from _wrong_rest(state, operator)


def _left_behind(state: State) -> Iterator[str]:
    if state.routes or state.instances or state.configs:
        yield "the endpoint is gone, and left something behind"
    if any(gateway.routes for _, gateway in alive(state)):
        yield "the endpoint is gone, and a gateway still has its routes"


def _wrong_rest(state: State, operator: Operator) -> Iterator[str]:
    target = target_of(state.ask)
    assert target is not None
    failed = target.version in state.status.failed
    serves = state.routes is not None and bool(state.routes.destinations)
    if failed and serves:
        yield from _not_in_force(state)
        yield from _not_returned(state)
    elif failed and not can_get_ready(state.ask):
        return  # nothing serves yet: it goes on trying
    elif not state.status.ready:
        yield f"it rests, but is not Ready; what it would do: {operator.decide(state).ops}"
    else:
        yield from _not_in_force(state)


def _not_returned(state: State) -> Iterator[str]:
    record = recorded_target(state)
    returned = record is None or state.routes is None or state.routes.destinations == record.destinations
    if can_return(state) and not returned:
        yield "an update has failed, and the routes do not return to what served before it began"


def _not_in_force(state: State) -> Iterator[str]:
    """What serves, or is to serve, does so on every gateway, with all its pods and without an update on record."""
    if state.status.update is not None and target_of(state.ask) is not None:
        yield "an update is on record for ever"
    if any(gateway.routes != state.routes for _, gateway in alive(state)):
        yield "a gateway never gets the routes"
    listener = listener_of(state.ask)
    listeners = state.listeners if listener is None else (listener,)  # what cannot be opened leaves what stands
    if state.routes is not None and any(gateway.listeners != listeners for _, gateway in alive(state)):
        yield "a listener stays open or closed that nobody asked for"
    target = target_of(state.ask)
    requested = target.instances if target else frozenset()
    weighted = [d.instance for d in state.routes.destinations if d.weight] if state.routes else []
    for name in weighted:
        instance = state.instance(name)
        if instance is None and name not in requested:
            continue  # deleted by hand: nothing says any more what it was
        if instance is None or instance.ready < max(instance.replicas, 1):
            yield f"{name} takes traffic, but is not ready for it"
    if state.routes_altered:
        yield "a change by hand stays"
