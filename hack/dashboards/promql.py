"""Pieces of PromQL that several panels use."""

from typing import Final

RATE: Final = "$__rate_interval"  # Grafana's: at least four scrapes
NAME: Final = 'namespace="$namespace", endpoint="$endpoint"'
OF: Final = f'{NAME}, variant=~"$variant"'
WHERE: Final = f"{{{OF}}}"


def leader(metric: str) -> str:
    """What the leader says: another process exports what it last knew."""
    return f"{metric} == 1 and on (instance) mlendpoints_leader == 1"


def or_zero(expression: str) -> str:
    """0 while there is no such series: nothing of the kind has happened."""
    return f"{expression} or on () vector(0)"


def rate_by(labels: str, metric: str) -> str:
    """Per second, summed by these labels."""
    return f"sum by ({labels}) (rate({metric}[{RATE}]))"


def quantiles(metric: str, window: str = RATE) -> list[tuple[str, str]]:
    """p50, p90 and p99 of a histogram, with legends."""
    return [
        (f"histogram_quantile({quantile}, sum by (le) (rate({metric}_bucket[{window}])))", f"p{quantile * 100:.0f}")
        for quantile in (0.5, 0.9, 0.99)
    ]


def recorded_quantiles(name: str) -> list[tuple[str, str]]:
    """The same by variant, from a recording rule."""
    return [
        (f'mlendpoints:{name}:quantile5m{{{OF}, quantile="{quantile}"}}', f"{{{{variant}}}} p{quantile * 100:.0f}")
        for quantile in (0.5, 0.9, 0.99)
    ]
