"""What pods have counted, from their metrics. Pure.

What is read may be hostile: a model can answer in place of its proxy.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from math import inf, isfinite
from typing import TypeVar

from msgspec import Struct

K = TypeVar("K")

_LINE = re.compile(r"(mlendpoints_[a-z_]{1,80})(?:\{([^{}\n]{0,2000})\})? ([-+.0-9eEInf]{1,32})")
_LABEL = re.compile(r'([a-z_]{1,40})="([^"\\]{0,200})"')
_MOST = 5000  # lines: more than a pod has
_LARGEST = 1e18
_REQUESTS, _DURATIONS = "mlendpoints_requests_total", "mlendpoints_request_duration_seconds_bucket"
_CPU, _MEMORY = "mlendpoints_process_cpu_seconds_total", "mlendpoints_process_memory_bytes"
_CORES, _LIMIT = "mlendpoints_cpu_requested_cores", "mlendpoints_memory_limit_bytes"


class Counts(Struct, frozen=True, kw_only=True):
    """What one pod, or several, have counted; CPU and memory are None where pods do not measure their processes."""

    pods: int = 1
    requests: Mapping[str, float] = {}  # by status
    durations: Mapping[float, float] = {}  # by upper bound, cumulative
    cpu_seconds: float | None = None  # of the model
    memory: float | None = None  # bytes
    cores: float | None = None  # requested
    limit: float | None = None  # bytes

    @property
    def count(self) -> float:
        """Requests of any status."""
        return sum(self.requests.values())

    @property
    def errors(self) -> float:
        """Responses with a status of 500 or more."""
        return sum(value for code, value in self.requests.items() if code >= "5")

    def latency(self, share: float) -> float | None:
        """The seconds within which this share of the requests was answered; None without requests."""
        return quantile(self.durations, share)


def parse_counts(text: str) -> Counts | None:
    """The counts in a pod's metrics; None if it has none, as pods of earlier releases."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for line in text.split("\n", _MOST)[:_MOST]:
        parts = _LINE.fullmatch(line)
        value = _number(parts[3]) if parts else None
        if parts and value is not None:
            found.setdefault(parts[1], []).append((dict(_LABEL.findall(parts[2] or "")), value))
    if _REQUESTS not in found:
        return None
    bounds = {_bound(labels.get("le", "")): value for labels, value in found.get(_DURATIONS, ())}
    return Counts(
        requests={labels.get("code", ""): value for labels, value in found[_REQUESTS]},
        durations={bound: value for bound, value in bounds.items() if bound},
        cpu_seconds=_of_model(found.get(_CPU, ())),
        memory=_of_model(found.get(_MEMORY, ())),
        cores=_only(found.get(_CORES, ())),
        limit=_only(found.get(_LIMIT, ())),
    )


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) and 0 <= value <= _LARGEST else None


def _bound(text: str) -> float:
    """An upper bound, which may be infinite; 0 for what is none."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if value > 0 else 0.0


def _of_model(samples: Iterable[tuple[dict[str, str], float]]) -> float | None:
    values = [value for labels, value in samples if labels.get("process") == "model"]
    return sum(values) if values else None


def _only(samples: Iterable[tuple[dict[str, str], float]]) -> float | None:
    return next((value for _, value in samples), None)


def since(before: Counts, after: Counts) -> Counts:
    """What one pod has counted between two readings; of a container that has started again, since its start."""
    restarted = any(value < before.requests.get(code, 0.0) for code, value in after.requests.items())
    if restarted:
        return after
    cpu = None if before.cpu_seconds is None or after.cpu_seconds is None else after.cpu_seconds - before.cpu_seconds
    return Counts(
        requests={code: value - before.requests.get(code, 0.0) for code, value in after.requests.items()},
        durations={le: max(0.0, value - before.durations.get(le, 0.0)) for le, value in after.durations.items()},
        cpu_seconds=cpu if cpu is None else max(0.0, cpu),
        memory=after.memory,
        cores=after.cores,
        limit=after.limit,
    )


def total(counts: Sequence[Counts]) -> Counts:
    """Of several pods; what one of them does not know is not known."""
    return Counts(
        pods=len(counts),
        requests=_summed([each.requests for each in counts]),
        durations=_summed([each.durations for each in counts]),
        cpu_seconds=_known([each.cpu_seconds for each in counts]),
        memory=_known([each.memory for each in counts]),
        cores=_known([each.cores for each in counts]),
        limit=_known([each.limit for each in counts]),
    )


def _summed(maps: Sequence[Mapping[K, float]]) -> dict[K, float]:
    found: dict[K, float] = {}
    for each in maps:
        for key, value in each.items():
            found[key] = found.get(key, 0.0) + value
    return found


def _known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def quantile(buckets: Mapping[float, float], share: float) -> float | None:
    """The bound below which this share of all values is, interpolated within a bucket, as Prometheus does.

    >>> quantile({1.0: 50.0, 2.0: 100.0, inf: 100.0}, 0.75)
    1.5
    """
    bounds = sorted(buckets)
    total = max(buckets.values(), default=0.0)
    if not total:
        return None
    below, lower = 0.0, 0.0
    for bound in bounds:
        reached = max(below, buckets[bound])
        if reached >= share * total:
            if bound == inf:
                return lower
            return lower + (bound - lower) * (share * total - below) / (reached - below or 1.0)
        below, lower = reached, bound
    return lower
