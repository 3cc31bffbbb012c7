"""Quantiles of histograms in Prometheus' form. Pure."""

from collections.abc import Mapping
from math import inf


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
