"""Prints runs: each figure with its median over the runs, and the aim beside it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from statistics import median

from msgspec import Struct

from bench.figures import Call
from bench.run import Floor, Run

RATIO_AIM = 2.0
KIB_AIM = 40.0
CALLS_AIM = 4  # beyond one for each child
STALL_AIM = 0.05  # seconds
MILLICORES_AIM = 3.0  # with up to 1,000 endpoints


class Row(Struct, frozen=True):
    """One figure."""

    name: str
    values: tuple[float, ...]
    aim: float | None = None
    digits: int = 1

    @property
    def text(self) -> str:
        """Its line in the table."""
        middle = median(self.values)
        verdict = "" if self.aim is None else "met" if middle <= self.aim else "missed"
        aim = "" if self.aim is None else f"<= {self.aim:.{self.digits}f}"
        every = " ".join(f"{value:.{self.digits}f}" for value in self.values)
        return f"{self.name:<34}{middle:>10.{self.digits}f}  {aim:<10}{verdict:<8}{every}"


def print_runs(runs: Sequence[Run]) -> None:
    """The table of all runs, then the calls of the last one by verb and kind."""
    print(f"\n{'':<34}{'median':>10}  {'aim':<10}{'':<8}each run")
    for row in _rows(runs):
        print(row.text)
    last = runs[-1]
    print("\nCalls for each endpoint, last run")
    for line in _call_lines(last.calls, last.endpoints):
        print(line)


def _rows(runs: Sequence[Run]) -> Iterator[Row]:
    def every(value: Callable[[Run], float]) -> tuple[float, ...]:
        return tuple(value(run) for run in runs)

    yield Row("create to ready, s", every(lambda run: run.seconds), digits=2)
    floors = tuple(run.floor for run in runs if run.floor is not None)
    if floors:
        yield from _floor_rows(runs, floors)
    calls_aim = (
        median(bare.children / run.endpoints for run, bare in zip(runs, floors, strict=True)) if floors else None
    )
    yield Row("API calls for each endpoint", every(lambda run: run.calls_each), calls_aim and calls_aim + CALLS_AIM)
    yield Row("memory for each endpoint, KiB", every(lambda run: run.kib_each), KIB_AIM if floors else None)
    yield Row("operator's memory before, MiB", every(lambda run: run.before.resident / 2**20))
    yield Row("operator's memory after, MiB", every(lambda run: run.after.resident / 2**20))
    yield Row("API server's CPU for each, ms", every(lambda run: run.server_cpu * 1000 / run.endpoints))
    yield from (_floor_cpu_row(runs, floors),) if floors else ()
    yield Row("operator's CPU for each, ms", every(lambda run: (run.after.cpu - run.before.cpu) * 1000 / run.endpoints))
    yield Row(
        "longest event-loop stall <=, s", every(lambda run: run.after.stall_since(run.before)), STALL_AIM, digits=3
    )
    yield Row("reconciles for each endpoint", every(_reconciles_each))
    yield Row("API calls at rest", every(lambda run: run.rest.calls.total() - _watches(run)), 0, digits=0)
    yield Row("watches reopened at rest", every(_watches), digits=0)
    yield Row("CPU at rest, millicores", every(lambda run: run.rest.cpu * 1000), MILLICORES_AIM)


def _floor_rows(runs: Sequence[Run], floors: Sequence[Floor]) -> Iterator[Row]:
    ratios = tuple(run.seconds / bare.seconds for run, bare in zip(runs, floors, strict=True))
    yield Row("floor: the same objects bare, s", tuple(bare.seconds for bare in floors), digits=2)
    yield Row("ratio to the floor", ratios, RATIO_AIM, digits=2)
    each = tuple(bare.requests / run.endpoints for run, bare in zip(runs, floors, strict=True))
    yield Row("floor's writes for each endpoint", each)
    children = tuple(bare.children / run.endpoints for run, bare in zip(runs, floors, strict=True))
    yield Row("children of each endpoint", children)


def _floor_cpu_row(runs: Sequence[Run], floors: Sequence[Floor]) -> Row:
    each = tuple(bare.server_cpu * 1000 / run.endpoints for run, bare in zip(runs, floors, strict=True))
    return Row("the same, for the floor's writes", each)


def _watches(run: Run) -> int:
    """A watch ends when the time is over for which it was asked, changes or none, and is reopened."""
    return sum(count for (verb, _, _), count in run.rest.calls.items() if verb == "watch")


def _reconciles_each(run: Run) -> float:
    return (run.after.reconciles - run.before.reconciles) / run.endpoints


def _call_lines(calls: Counter[Call], endpoints: int) -> Iterator[str]:
    for (verb, kind, code), count in calls.most_common():
        refused = "" if code.startswith("2") else f"  ({code})"
        yield f"{count / endpoints:>8.2f}  {verb:<8}{kind}{refused}"
