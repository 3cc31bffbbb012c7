"""What a run has shown: each request by its id, matched with what the model pods wrote down; each update by its times.

Pure. A request is *lost* that got no answer, or another status than 200; an id
is *doubled* that the pods wrote down more than once; *unlogged* is an answer
that no pod has written down, which would be an error of the measurement.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from bench.zero_loss.updates import Update
from tests.kit.load.generator import QUICK, Record


class Latency(Struct, frozen=True):
    """Milliseconds from the moment at which a request should have left; of quick requests."""

    count: int
    p50: float
    p99: float


class Judged(Struct, frozen=True, kw_only=True):
    """One update with what callers saw of it; seconds from the last edit, None: there is no such moment."""

    update: Update
    requests: int
    lost: int
    old_until: float | None  # the last request that an old version answered was sent
    started: float  # the last new pod was ready
    done: float | None  # the status called it done
    gone: float | None  # the last old pod

    @property
    def early(self) -> bool:
        """Whether a request that was sent after it was called done got an old answer."""
        return self.done is not None and self.old_until is not None and self.old_until > self.done

    @property
    def net_new(self) -> float | None:
        """Until all answers are new, without the start of pods."""
        return None if self.old_until is None else max(0.0, self.old_until - self.started)

    @property
    def net_done(self) -> float | None:
        """Until the status called it done, without the start of pods."""
        return None if self.done is None else max(0.0, self.done - self.started)


class Verdict(Struct, frozen=True, kw_only=True):
    """All that is told of a run."""

    requests: int
    lost: list[Record]
    doubled: list[str]
    unlogged: list[str]
    unknown: list[str]  # written down, but never sent
    steady: Latency
    during: Latency
    judged: list[Judged]

    @property
    def early(self) -> int:
        """Updates that were called done too early."""
        return sum(each.early for each in self.judged)


def judge(records: Iterable[Record], logged: Counter[str], updates: Sequence[Update]) -> Verdict:
    """Matches everything with everything."""
    ordered = sorted(records, key=lambda record: record.scheduled)
    sent = {record.id for record in ordered}
    changing = [record for record in ordered if any(u.begun <= record.scheduled < u.settled for u in updates)]
    ids = {record.id for record in changing}
    return Verdict(
        requests=len(ordered),
        lost=[record for record in ordered if record.status != 200],
        doubled=[identity for identity, count in logged.items() if count > 1],
        unlogged=[record.id for record in ordered if record.status == 200 and record.id not in logged],
        unknown=[identity for identity in logged if identity not in sent],
        steady=latency(record for record in ordered if record.id not in ids),
        during=latency(changing),
        judged=_judged(ordered, updates),
    )


def latency(records: Iterable[Record]) -> Latency:
    """Of those that were answered and should be quick."""
    found = sorted((r.ended - r.scheduled) * 1000 for r in records if r.takes == QUICK and r.status == 200)
    return Latency(len(found), quantile(found, 0.5), quantile(found, 0.99))


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value that ``share`` of all do not exceed; 0.0 of none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _judged(ordered: Sequence[Record], updates: Sequence[Update]) -> list[Judged]:
    times = [record.scheduled for record in ordered]
    ends = [update.begun for update in updates[1:]] + [float("inf")] * bool(updates)
    return [
        _judge(update, ordered[bisect_left(times, update.begun) : bisect_left(times, end)], before=end)
        for update, end in zip(updates, ends, strict=True)
    ]


def _judge(update: Update, records: Sequence[Record], *, before: float) -> Judged:
    """``records``: those that were due from its first edit until the next update's, which is at ``before``.

    Those that a busy machine sent only later are answered as that next one allows.
    """
    edited = update.edited
    asked = (record for record in records if record.status == 200 and edited < record.sent < before)
    old = [record.sent - edited for record in asked if record.text not in update.allowed]
    return Judged(
        update=update,
        requests=sum(record.scheduled < update.settled for record in records),
        lost=sum(record.status != 200 for record in records),
        old_until=max(old, default=None),
        started=max(0.0, (update.ready or edited) - edited),
        done=_since(edited, update.done),
        gone=_since(edited, update.gone),
    )


def _since(begin: float, moment: float | None) -> float | None:
    return None if moment is None else moment - begin
