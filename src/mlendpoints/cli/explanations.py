"""Why something is not ready, what to do, and what has happened to it: lines for people. Pure."""

from collections.abc import Iterable, Sequence

from mlendpoints.api.endpoint import Endpoint, HistoryEntry
from mlendpoints.cli.columns import age, aligned, duration
from mlendpoints.client.explaining import explain
from mlendpoints.client.objects import AnyObject
from mlendpoints.core.reasons.quoting import one_line
from mlendpoints.core.times import seconds


def explanation_lines(obj: AnyObject) -> list[str]:
    """One sentence; then, unless it is ready, the whole message, what to do, and the conditions."""
    found = explain(obj)
    if found.is_ready:
        return [one_line(found.sentence)]
    details = [("Reason", found.reason), ("Message", found.message), ("To do", found.action)]
    said = [[f"{name}:", one_line(text)] for name, text in details if text and text != found.sentence]
    return [one_line(found.sentence), "", *aligned(said), *_conditions(obj)]


def _conditions(obj: AnyObject) -> list[str]:
    rows = [[known.type, known.status, known.reason, one_line(known.message)] for known in obj.status.conditions]
    return ["", *aligned([["CONDITION", "STATUS", "REASON", "MESSAGE"], *rows])] if rows else []


def history_lines(endpoint: Endpoint, now: float) -> list[str]:
    """The running update and those that ended, the newest first; ``now`` in seconds since the epoch."""
    head = ["ENDED", "VERSION", "OUTCOME", "TOOK", "REASON", "MESSAGE"]
    return aligned([head, *_running(endpoint, now), *(_entry(entry, now) for entry in endpoint.status.history)])


def _running(endpoint: Endpoint, now: float) -> Iterable[Sequence[str]]:
    update = endpoint.status.update
    if update is not None:
        yield ["", update.target, "Running", duration(int(now - seconds(update.start_time))), update.phase, ""]


def _entry(entry: HistoryEntry, now: float) -> Sequence[str]:
    took = duration(max(0, int(seconds(entry.end_time) - seconds(entry.start_time))))
    return [f"{age(entry.end_time, now)} ago", entry.target, entry.outcome, took, entry.reason, one_line(entry.message)]
