"""Prints a verdict, with the aims and with what others have shown on the same rig."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from statistics import median

from bench.zero_loss.updates import DEADLINE
from bench.zero_loss.verdict import Judged, Verdict

NET_AIM = 0.4  # seconds
_OTHERS = """\
Deployment, rolling                 56438     559   1.9-2.6 s            0.1 s              0 of 20
Argo Rollouts 1.10 blue-green       64511       0   1.7 s                0.18 s             18 of 20, up to 0.48 s
Argo Rollouts canary 25/50          72965       0   4.7 s                1.6-1.9 s          20 of 20
Flagger 1.44 all-at-once            70459     337   15.7 s               11 s               10 of 10
Flagger canary 25/50               152429     181   38.5 s               34 s               0 of 10"""


def print_verdict(verdict: Verdict) -> None:
    """All of it."""
    print(f"\n{verdict.requests} requests: {len(verdict.lost)} lost, {len(verdict.doubled)} doubled,", end=" ")
    print(f"{len(verdict.unlogged)} answered but in no log, {len(verdict.unknown)} in a log but never sent")
    for name, of in (("steady", verdict.steady), ("during updates", verdict.during)):
        print(f"  {name:<16}p50 {of.p50:>6.1f} ms   p99 {of.p99:>6.1f} ms   of {of.count}")
    _print_losses(verdict)
    print(f"\n{'median, worst; seconds':<32}{'n':>3}{'requests':>9}{'lost':>6}", end="")
    print(f"{'edit -> all new':>17}{'net':>14}{'edit -> done':>16}{'net':>14}{'old gone':>14}")
    for (drain, kind), updates in _by_kind(verdict.judged):
        print(_line(f"{kind}, drain {drain} s", updates))
    print()
    for line in _aims(verdict):
        print(line)
    _print_comparison(verdict)


def _print_losses(verdict: Verdict) -> None:
    """How often each thing happened, and when in which update for the first and the last time."""
    groups: dict[tuple[str, int, str], list[float]] = {}
    for record in verdict.lost:
        update = next((j.update for j in reversed(verdict.judged) if j.update.begun <= record.scheduled), None)
        words = re.sub(r"\d{4,}", "*", record.text)
        kind, edited = (f"{update.kind}, drain {update.drain} s", update.edited) if update else ("before all", 0.0)
        groups.setdefault((kind, record.status, words), []).append(record.scheduled - edited)
    for (kind, status, words), times in groups.items():
        print(f"  {len(times):>6} lost: {status} {words!r}, {kind}, {times[0]:.3f} to {times[-1]:.3f} s after the edit")


def _by_kind(judged: Sequence[Judged]) -> Iterator[tuple[tuple[int, str], list[Judged]]]:
    def key(each: Judged) -> tuple[int, str]:
        return each.update.drain, each.update.kind

    for found, group in groupby(sorted(judged, key=key), key=key):
        yield found, list(group)


def _line(name: str, judged: Sequence[Judged]) -> str:
    requests, lost = sum(each.requests for each in judged), sum(each.lost for each in judged)
    columns = (
        _spread(each.old_until for each in judged),
        _spread(each.net_new for each in judged),
        _spread(each.done for each in judged),
        _spread(each.net_done for each in judged),
        _spread(each.gone for each in judged),
    )
    widths = (17, 14, 16, 14, 14)
    shown = "".join(f"{text:>{width}}" for text, width in zip(columns, widths, strict=True))
    return f"{name:<32}{len(judged):>3}{requests:>9}{lost:>6}{shown}"


def _spread(values: Iterable[float | None]) -> str:
    found = [value for value in values if value is not None]
    return f"{median(found):.2f}, {max(found):.2f}" if found else "-"


def _aims(verdict: Verdict) -> Iterator[str]:
    own = [each for each in verdict.judged if not each.update.is_disturbed]
    done = [each.net_done for each in own if each.net_done is not None]
    new = [each.net_new for each in own if each.net_new is not None]
    margins = [e.done - e.old_until for e in verdict.judged if e.done is not None and e.old_until is not None]
    failed = [each.update.failed for each in verdict.judged if each.update.failed is not None]
    yield _aim("lost", len(verdict.lost), 0, "")
    yield _aim("doubled", len(verdict.doubled), 0, "")
    if done:
        yield _aim("edit -> done, net of pod start, s", median(done), NET_AIM, f"worst {max(done):.2f} of {len(done)}")
    if new:
        yield _aim("edit -> 100 % new, net, s", median(new), NET_AIM, f"worst {max(new):.2f} of {len(new)}")
    if margins:
        told = f"of {len(margins)}; done {min(margins):.3f} s after the last old one at the least"
        yield _aim("called done too early", verdict.early, 0, told)
    if failed:
        yield _aim("failed after, s", max(failed), DEADLINE + 1, f"worst of {len(failed)}")


def _aim(name: str, value: float, aim: float, note: str) -> str:
    verdict = "met" if value <= aim else "missed"
    return f"{name:<36}{value:>9.3g}   aim <= {aim:<6g}{verdict:<8}{note}"


def _print_comparison(verdict: Verdict) -> None:
    swaps = [each for each in verdict.judged if not each.update.is_disturbed and each.update.ready]
    new, net = _spread(each.old_until for each in swaps), _spread(each.net_new for each in swaps)
    print(
        f"\n{'no retries':<32}{'requests':>9}{'lost':>8}   {'edit -> 100 % new':<21}{'net of pod start':<19}done early"
    )
    own = f"{verdict.early} of {len(verdict.judged)}"
    print(f"{'mlendpoints':<32}{verdict.requests:>9}{len(verdict.lost):>8}   {new + ' s':<21}{net + ' s':<19}{own}")
    print(_OTHERS)
