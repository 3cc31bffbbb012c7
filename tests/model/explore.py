"""Breadth-first through all states, each kept as a few bytes.

Every part of a state is given a number once; a state is the row of its parts'
numbers. Breadth-first, so that the way to any state is a shortest one. Beyond
the limit, if one is given, only helpful moves are followed, so that every
state that was found still has its way to rest.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator
from struct import Struct as Packing

from msgspec import Struct, field

from tests.model.laws import broken_after, broken_by, broken_in
from tests.model.moves import Move, moves
from tests.model.operator import Operator
from tests.model.state import GONE, State, settled

UNLIMITED = 2**31
_PARTS = len(State._fields)
_GATEWAYS = State._fields.index("gateways")
_ROW = Packing(f"{_PARTS + 1}I")


class Numbers:
    """Numbers for values, and back."""

    def __init__(self) -> None:
        self._number: dict[object, int] = {}
        self._values: list[object] = []

    def number(self, value: object) -> int:
        """The value's number; a new value gets the next."""
        found = self._number.get(value)
        if found is None:
            found = self._number[value] = len(self._values)
            self._values.append(value)
        return found

    def value(self, number: int) -> object:
        """The value of a number."""
        return self._values[number]


class Packer:
    """States as bytes. The two gateways are put in order: nothing tells them apart."""

    def __init__(self) -> None:
        self._parts = [Numbers() for _ in range(_PARTS)]

    def pack(self, state: State) -> bytes:
        """The state as bytes, the same for states that differ by the gateways' order only."""
        row = [n.number(part) for n, part in zip(self._parts, state, strict=True) if n is not self._parts[_GATEWAYS]]
        gateways = sorted(self._parts[_GATEWAYS].number(gateway) for gateway in state.gateways)
        return _ROW.pack(*row, *gateways)

    def unpack(self, packed: bytes) -> State:
        """The state of these bytes."""
        *row, first, second = _ROW.unpack(packed)
        gateways = tuple(self._parts[_GATEWAYS].value(number) for number in (first, second))
        numbers = iter(row)
        parts = [gateways if n == _GATEWAYS else self._parts[n].value(next(numbers)) for n in range(_PARTS)]
        return State(*parts)  # type: ignore[arg-type]


class Violation(Struct, frozen=True):
    """A law that is broken, in which state, and by which last move."""

    law: str
    state: int
    move: Move | None = None


class Graph(Struct):
    """What was found."""

    packed: list[bytes] = field(default_factory=list)
    parents: array = field(default_factory=lambda: array("i"))  # type: ignore[type-arg]
    sources: array = field(default_factory=lambda: array("I"))  # type: ignore[type-arg]  # of helpful moves
    ends: array = field(default_factory=lambda: array("I"))  # type: ignore[type-arg]
    transitions: int = 0
    expanded: int = 0  # states all of whose moves were followed
    violation: Violation | None = None

    @property
    def states(self) -> int:
        """Different states."""
        return len(self.packed)


class Explorer:
    """Finds all states, and stops at the first broken law."""

    def __init__(self, *, limit: int = UNLIMITED, progress: Callable[[Graph], None] = lambda _graph: None) -> None:
        self.operator = Operator()
        self.graph = Graph()
        self._packer = Packer()
        self._numbers: dict[bytes, int] = {}
        self._limit = limit
        self._progress = progress

    def run(self, *starts: State) -> Graph:
        """All states that can be reached from these."""
        for start in starts:
            self._add(start, -1)
        number = 0
        while number < self.graph.states and self.graph.violation is None:
            self._expand(number)
            number += 1
            if number % 10_000 == 0:
                self._progress(self.graph)
        return self.graph

    def state(self, number: int) -> State:
        """One of the states."""
        return self._packer.unpack(self.graph.packed[number])

    def moves(self, state: State) -> Iterator[Move]:
        """All that can happen in a state."""
        looks = not state.pending and state.life != GONE
        return moves(state, self.operator.decide(state) if looks else None)

    def number_after(self, move: Move) -> int:
        """The number of the state that a move leads to; -1 if it was not found."""
        return self._numbers.get(self._packer.pack(settled(move.after)), -1)

    def _expand(self, number: int) -> None:
        graph, state = self.graph, self.state(number)
        fully = graph.states < self._limit
        graph.expanded += fully
        self._judge(number, broken_in(state))
        self._judge(number, self._broken_plan(state))
        for move in self.moves(state):
            if not (fully or move.helpful):
                continue
            graph.transitions += 1
            after = self._add(settled(move.after), number)
            if move.by_plan:
                self._judge(number, broken_by(state, move.after), move)
            if move.helpful and after != number:
                graph.sources.append(number)
                graph.ends.append(after)

    def _broken_plan(self, state: State) -> Iterable[str]:
        looks = not state.pending and state.life != GONE
        return broken_after(state, self.operator.decide(state)) if looks else ()

    def _judge(self, number: int, broken: Iterable[str], move: Move | None = None) -> None:
        laws = "; ".join(broken)
        if laws and self.graph.violation is None:
            self.graph.violation = Violation(laws, number, move)

    def _add(self, state: State, parent: int) -> int:
        packed = self._packer.pack(state)
        number = self._numbers.get(packed)
        if number is None:
            number = self._numbers[packed] = self.graph.states
            self.graph.packed.append(packed)
            self.graph.parents.append(parent)
        return number
