"""All trials of a short run, many at a time in one event loop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from mlendpoints.edge.reconcile.debounce import DELAY
from tests.apiserver.faults.proxy import Fault, upstream
from tests.apiserver.faults.trial import Measure, Result, Trials
from tests.apiserver.faults.watches import Object
from tests.sweep.scenarios import BY_NAME
from tests.sweep.stage import stage

START = DELAY + 1.0  # seconds that pods take, as real ones do: a status is told before and after, on any machine

T = TypeVar("T")

Faults = Mapping[str, tuple[Callable[[], Fault], tuple[str, ...]]]  # how to make one, and scenarios for it


class Played(Struct, frozen=True):
    """What came of each fault in each scenario, and of each scenario without any."""

    measures: Mapping[str, Measure]
    results: Mapping[str, list[Result]]  # by fault

    def share(self, fault: str) -> float:
        """Calls under a fault, over all its scenarios, in parts of the normal ones."""
        results = self.results[fault]
        return sum(len(r.calls) for r in results) / sum(self.measures[r.scenario].calls for r in results)

    def table(self) -> str:
        """A line for each fault."""
        return "\n".join(f"{fault}: {self.share(fault):.2f} {_cells(self, fault)}" for fault in self.results)


def _cells(played: Played, fault: str) -> str:
    return ", ".join(f"{r.scenario} {len(r.calls)}/{played.measures[r.scenario].calls}" for r in played.results[fault])


@asynccontextmanager
async def on_stage(kubeconfig: Path, *, start: float = 0.0) -> AsyncIterator[Trials]:
    """Trials on a stage of their own; ``start``: seconds that a pod takes to be ready."""
    async with stage(kubeconfig, start=start) as shared, upstream(kubeconfig) as api_server:
        yield Trials(shared, api_server)


async def measure(kubeconfig: Path, *names: str) -> dict[str, Measure]:
    """Scenarios without any fault."""
    async with on_stage(kubeconfig, start=START) as trials:
        measured = await all_of(trials.measure(BY_NAME[name]) for name in names)
    return dict(zip(names, measured, strict=True))


async def play(kubeconfig: Path, measures: Mapping[str, Measure], faults: Faults) -> Played:
    """Each fault in each of its scenarios."""
    async with on_stage(kubeconfig, start=START) as trials:
        pairs = [(fault, name) for fault, (_, scenarios) in faults.items() for name in scenarios]
        found = await all_of(trials.play(BY_NAME[name], faults[fault][0](), measures[name]) for fault, name in pairs)
    results = {fault: [r for r, (of, _) in zip(found, pairs, strict=True) if of == fault] for fault in faults}
    return Played(measures, results)


async def all_of(trials: Iterable[Coroutine[None, None, T]]) -> list[T]:
    """All at once; the first that breaks breaks all."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(trial) for trial in trials]
    return [task.result() for task in tasks]


def is_ready_or_gone(kind: str, deployment: Object) -> bool:
    """An event of a Deployment that an endpoint waits for."""
    return kind == "DELETED" or deployment.get("status", {}).get("readyReplicas", 0) > 0
