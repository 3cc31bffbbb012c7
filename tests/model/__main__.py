"""``python -m tests.model``: explores the bounded worlds, prints how many states they have, and what is broken."""

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack

from tests.model.bugs import BUGS
from tests.model.ends import judged
from tests.model.explore import UNLIMITED, Explorer, Graph, Violation
from tests.model.steps import in_steps
from tests.model.trace import story
from tests.model.worlds import WORLDS, Bounds, start_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Explores and prints; fails at the first broken law."""
    options = _parser().parse_args(arguments)
    total = 0
    with ExitStack() as stack:
        for name in options.seed_bug:
            stack.enter_context(BUGS[name].seeded())
        for name in options.world or [BUGS[bug].world for bug in options.seed_bug] or WORLDS:
            explorer = Explorer(limit=options.states or UNLIMITED, progress=_tell_progress)
            with in_steps(stepwise=WORLDS[name].stepwise):
                violation = _explore(name, WORLDS[name], explorer)
            total += explorer.graph.states
            if violation is not None:
                _say(f"\nBroken in the world {name!r}: {violation.law}\n")
                _say("\n".join(story(explorer, violation)))
                return 1
    _say(f"{total:,} states in all; every law held in each, and each has its way to rest.")
    return 0


def _explore(name: str, bounds: Bounds, explorer: Explorer) -> Violation | None:
    began = time.process_time()
    graph = explorer.run(start_of(bounds, explorer))
    violation = graph.violation or judged(explorer)
    full_patch = "all" if graph.expanded == graph.states else f"{graph.expanded:,} with every move"
    _say(
        f"{name}: {bounds.what}: {graph.states:,} states ({full_patch}), {graph.transitions:,} transitions,"
        f" {explorer.operator.plans:,} plans, {time.process_time() - began:.0f} s of processor time"
    )
    return violation


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _tell_progress(graph: Graph) -> None:
    _say(f"  {graph.states:,} states, {graph.transitions:,} transitions")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument(
        "--states",
        type=int,
        default=0,
        help="states of each world whose every move is followed; beyond, helpful moves only (default: no limit)",
    )
    parser.add_argument("--world", action="append", choices=WORLDS, help="explore this one only (may be repeated)")
    parser.add_argument(
        "--seed-bug", action="append", choices=BUGS, default=[], help="put a mistake in, to see that it is found"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
