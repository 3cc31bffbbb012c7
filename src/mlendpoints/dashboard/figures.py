"""Requests, errors and latencies of pods, from two readings of their counters. Pure."""

from collections.abc import Sequence

from msgspec import Struct

from mlendpoints.client.counting import Counts, since, total


class Reading(Struct, frozen=True, kw_only=True):
    """What one pod has counted at one time, in seconds by any steady clock."""

    at: float
    counts: Counts


class Figures(Struct, frozen=True, kw_only=True, rename="camel"):
    """Of some pods, between two readings of each."""

    rate: float  # requests per second
    errors: float  # of these, responses with a status of 500 or more
    p50: float | None = None  # seconds; None without requests
    p99: float | None = None


def make_figures(pairs: Sequence[tuple[Reading, Reading]]) -> Figures | None:
    """Of an earlier and a later reading of each pod; None as long as there are no two."""
    added = [(since(first.counts, last.counts), last.at - first.at) for first, last in pairs if last.at > first.at]
    if not added:
        return None
    counts = total([each for each, _ in added])
    return Figures(
        rate=sum(each.count / seconds for each, seconds in added),
        errors=sum(each.errors / seconds for each, seconds in added),
        p50=counts.latency(0.5),
        p99=counts.latency(0.99),
    )
