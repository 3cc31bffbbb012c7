"""``python -m tests.sweep``: kills the operator at every write of every scenario, and judges what comes of it."""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from tests.kit.control_plane import control_plane, install
from tests.sweep.administrator import LISTENERS
from tests.sweep.cost import table
from tests.sweep.life import run
from tests.sweep.run import Outcome
from tests.sweep.scenarios import BY_NAME, SCENARIOS, Scenario
from tests.sweep.stage import stage
from tests.sweep.sweep import Sweep, Swept

_TOLD = 25  # points


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints each failure as it comes, the costs and the number of points; 1 if anything is not as it shall be."""
    options = _parser().parse_args(arguments)
    found = [BY_NAME[name] for name in options.scenario or BY_NAME]
    plane = nullcontext(options.kubeconfig) if options.kubeconfig else control_plane("--istio-crds", "--controllers")
    with plane as kubeconfig:
        if not options.kubeconfig:
            asyncio.run(install(kubeconfig, listeners=LISTENERS))
        return run(_sweep(kubeconfig, found, options))


async def _sweep(kubeconfig: Path, scenarios: list[Scenario], options: argparse.Namespace) -> int:
    teller = _Teller()
    async with stage(kubeconfig) as shared:
        sweep = Sweep(shared, jobs=options.jobs, tell=teller.tell)
        swept = [await sweep.measure(scenario) for scenario in scenarios]
        _say(table((one.scenario.name, one.measure.cost) for one in swept))
        await asyncio.gather(*(_one(sweep, one, options.points) for one in swept))
    return _summary(swept, teller)


async def _one(sweep: Sweep, swept: Swept, points: int | None) -> None:
    await (sweep.whole(swept) if points is None else sweep.some(swept, points))
    _say(f"{swept.scenario.name}: {len(swept.points)} points, {len(swept.failures)} failures\n")


class _Teller:
    """Counts, prints what fails, and says now and then how far it is."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._points = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun

    def tell(self, outcome: Outcome) -> None:
        self._points += outcome.is_reached
        if outcome.is_reached and self._points % _TOLD == 0:
            _say(f"{self._points} points after {self.seconds:.0f} s\n")
        if not outcome.is_well:
            _say(f"FAILED {outcome}\n")


def _summary(swept: Sequence[Swept], teller: _Teller) -> int:
    points, failures = sum(len(one.points) for one in swept), sum(len(one.failures) for one in swept)
    dear = [one.scenario.name for one in swept if not one.measure.cost.is_kept]
    restless = [one.scenario.name for one in swept if one.measure.at_rest]
    _say(f"{points} points in {len(swept)} scenarios, {failures} failures, {teller.seconds:.0f} s\n")
    _say(f"above the limit of calls: {', '.join(dear) or 'none'}; calls at rest: {', '.join(restless) or 'none'}\n")
    return 1 if failures or dear or restless else 0


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.sweep", description=__doc__, epilog=_list(), formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--scenario", action="append", choices=BY_NAME, metavar="NAME", help="only this one; repeatable"
    )
    parser.add_argument("--points", type=int, metavar="N", help="at most N points of each scenario, evenly spread")
    parser.add_argument("--jobs", type=int, default=6, metavar="N", help="points at a time (6)")
    parser.add_argument("--kubeconfig", type=Path, help="a control plane to use, instead of one of its own")
    return parser


def _list() -> str:
    return "scenarios:\n" + "\n".join(f"  {one.name:22}{one.about}" for one in SCENARIOS)


if __name__ == "__main__":
    sys.exit(main())
