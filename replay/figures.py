"""Statistics of a replay: the confidence interval of a rate, and percentiles. No I/O."""

from collections.abc import Mapping, Sequence
from math import ceil, sqrt
from statistics import NormalDist

CONFIDENCE = 0.95
PERCENTILES = (50, 90, 99, 100)


def wilson(hits: int, total: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's score interval of a rate; all of 0..1 if there are no observations."""
    if not total:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate = hits / total
    scale = 1 + z * z / total
    center = (rate + z * z / (2 * total)) / scale
    half = z / scale * sqrt(rate * (1 - rate) / total + z * z / (4 * total * total))
    low = 0.0 if not hits else max(0.0, center - half)
    high = 1.0 if hits == total else min(1.0, center + half)
    return low, high


def percentiles(values: Sequence[float]) -> Mapping[str, float]:
    """Values that were observed, by nearest rank; empty if there are none."""
    ordered = sorted(values)
    return {f"p{each}": ordered[ceil(each / 100 * len(ordered)) - 1] for each in PERCENTILES} if ordered else {}
