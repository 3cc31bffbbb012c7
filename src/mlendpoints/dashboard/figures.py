"""Requests, errors and latencies of pods, from two readings of their counters. Pure; what is read may be hostile."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample as Line

from mlendpoints.client.quantiles import quantile

K = TypeVar("K")

_REQUESTS = "mlendpoints_requests_total"
_DURATIONS = "mlendpoints_request_duration_seconds_bucket"
_MOST = 2000  # lines: more than statuses and buckets that nginx counts
_LARGEST = 1e18  # of a counter


class Reading(Struct, frozen=True, kw_only=True):
    """The counters of one pod at one time, in seconds by any steady clock."""

    at: float
    requests: Mapping[str, float]  # by status
    durations: Mapping[float, float]  # by upper bound, cumulative


class Figures(Struct, frozen=True, kw_only=True, rename="camel"):
    """Of some pods, between two readings of each."""

    rate: float  # requests per second
    errors: float  # of these, responses with a status of 500 or more
    p50: float | None = None  # seconds; None without requests
    p99: float | None = None


def make_reading(text: str, at: float) -> Reading | None:
    """The counters in a pod's metrics; None if it has none, as pods of earlier releases."""
    lines = [line for line in text.split("\n") if line.startswith((_REQUESTS, _DURATIONS))][:_MOST]
    try:
        found = [line for family in text_string_to_metric_families("\n".join(lines)) for line in family.samples]
        requests = dict(_values(found, _REQUESTS, "code"))
        durations = {bound: n for le, n in _values(found, _DURATIONS, "le") if (bound := float(le)) > 0}
    except (ValueError, KeyError, IndexError, TypeError):  # no metrics, as a model may answer in place of its proxy
        return None
    return Reading(at=at, requests=requests, durations=durations) if requests else None


def _values(lines: Iterable[Line], name: str, label: str) -> Iterator[tuple[str, float]]:
    for line in lines:
        if line.name == name and 0 <= line.value <= _LARGEST:
            yield line.labels[label], line.value


def make_figures(pairs: Sequence[tuple[Reading, Reading]]) -> Figures | None:
    """Of an earlier and a later reading of each pod; None as long as there are no two."""
    pairs = [(first, last) for first, last in pairs if last.at > first.at]
    if not pairs:
        return None
    durations: dict[float, float] = {}
    rate = errors = 0.0
    for first, last in pairs:
        seconds = last.at - first.at
        increases = _increases(first.requests, last.requests)
        rate += sum(increases.values()) / seconds
        errors += sum(n for code, n in increases.items() if code >= "5") / seconds
        for bound, n in _increases(first.durations, last.durations).items():
            durations[bound] = durations.get(bound, 0.0) + n
    return Figures(rate=rate, errors=errors, p50=quantile(durations, 0.5), p99=quantile(durations, 0.99))


def _increases(first: Mapping[K, float], last: Mapping[K, float]) -> dict[K, float]:
    """Since the first reading; since its start, of a container that has started again."""
    restarted = any(value < first.get(key, 0.0) for key, value in last.items())
    return {key: value - (0.0 if restarted else first.get(key, 0.0)) for key, value in last.items()}
