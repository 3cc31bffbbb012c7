"""What an operator tells of itself on /metrics, as a value."""

import asyncio
import math
from collections import Counter

from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from mlendpoints.edge.reconcile.debounce import DELAY
from mlendpoints.edge.reconcile.templates import LONGEST_REST
from tests.kit.operator_process import Scrape

Call = tuple[str, str, str]  # verb, kind, HTTP status

_LOOKS = 120  # a second apart


class Figures(Struct, frozen=True):
    """One look at an operator; ``resident`` in bytes, ``cpu`` in seconds since its start."""

    resident: float
    cpu: float
    started: float  # seconds since the epoch
    reconciles: float
    leads: bool
    calls: Counter[Call]
    lag: dict[float, float]  # timers by how late they fired at most, in seconds; cumulative, as in the histogram

    def stall_since(self, before: "Figures") -> float:
        """Seconds that the longest stall of the event loop has taken at most since then: a bound of the histogram."""
        grown = {bound: count - before.lag[bound] for bound, count in self.lag.items()}
        return min(bound for bound, count in grown.items() if count == grown[math.inf])


def read_figures(text: str) -> Figures:
    """The figures of a page in Prometheus' text format; renewals of the lease are left out."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def total(name: str) -> float:
        return sum(sample.value for sample in samples if sample.name == name)

    requests = [sample for sample in samples if sample.name == "mlendpoints_api_requests_total"]
    calls = Counter({(s.labels["verb"], s.labels["kind"], s.labels["code"]): int(s.value) for s in requests})
    return Figures(
        resident=total("process_resident_memory_bytes"),
        cpu=total("process_cpu_seconds_total"),
        started=total("process_start_time_seconds"),
        reconciles=total("mlendpoints_reconciles_total"),
        leads=total("mlendpoints_leader") == 1,
        calls=Counter({call: count for call, count in calls.items() if call[1] != "Lease"}),
        lag={float(s.labels["le"]): s.value for s in samples if s.name == "mlendpoints_event_loop_lag_seconds_bucket"},
    )


async def settled(scrape: Scrape) -> Figures:
    """The figures once the operator leads and has had nothing to do for some seconds, or after ``_LOOKS`` in vain.

    A status that is held is work, too, and so is a template that rests before it looks at all its users once more.
    """
    enough = 2 * DELAY + LONGEST_REST
    before, quiet = read_figures(await scrape()), 0
    for _ in range(_LOOKS):
        await asyncio.sleep(1)
        now = read_figures(await scrape())
        is_same = now.leads and (now.calls, now.reconciles) == (before.calls, before.reconciles)
        before, quiet = now, quiet + 1 if is_same else 0
        if quiet >= enough:
            break
    return before
