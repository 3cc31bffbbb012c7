"""Figures from counters of pods, whatever the pods answer with."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlendpoints.client.quantiles import quantile
from mlendpoints.dashboard.figures import Reading, make_figures, make_reading

METRICS = """# HELP mlendpoints_requests_total Requests of callers.
# TYPE mlendpoints_requests_total counter
mlendpoints_requests_total{endpoint="titanic",variant="blue",code="200"} 90
mlendpoints_requests_total{endpoint="titanic",variant="blue",code="503"} 10
mlendpoints_request_duration_seconds_bucket{endpoint="titanic",le="0.1"} 50
mlendpoints_request_duration_seconds_bucket{endpoint="titanic",le="0.2"} 100
mlendpoints_request_duration_seconds_bucket{endpoint="titanic",le="+Inf"} 100
mlendpoints_requests_in_flight{endpoint="titanic"} 3
"""


def reading(at: float, count: float, **more: float) -> Reading:
    durations = {0.1: count / 2, 0.2: count, inf: count}
    return Reading(at=at, requests={"200": count} | more, durations=durations)


def test_counters_are_read_by_status_and_bound() -> None:
    found = make_reading(METRICS, 1.0)
    assert found == Reading(at=1.0, requests={"200": 90, "503": 10}, durations={0.1: 50, 0.2: 100, inf: 100})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        'mlendpoints_requests_total{code="200} 1',
        "mlendpoints_requests_total 1",
        'mlendpoints_requests_total{code="200"} NaN',
        'mlendpoints_requests_total{code="200"} -1',
        "mlendpoints_requests_total{",
        'mlendpoints_request_duration_seconds_bucket{le="x"} 1',
    ],
)
def test_what_is_no_metrics_has_no_reading(text: str) -> None:
    assert make_reading(text, 1.0) is None


@given(st.text(alphabet='mlendpoints_requests_total{}code="=,20e+.NaIf \n\\', max_size=200))
def test_no_text_does_harm(rest: str) -> None:
    found = make_reading(f"mlendpoints_requests_total{rest}", 1.0)
    assert found is None or all(0 <= value < inf for value in found.requests.values())


def test_rates_are_those_between_two_readings_of_all_pods() -> None:
    found = make_figures(
        [(reading(0, 100), reading(10, 200)), (reading(5, 0, **{"500": 0}), reading(10, 20, **{"500": 5}))]
    )
    assert found
    assert found.rate == pytest.approx(100 / 10 + 25 / 5)
    assert found.errors == pytest.approx(5 / 5)
    assert found.p50 == pytest.approx(0.1)
    assert found.p99 == pytest.approx(0.198)


def test_a_container_that_has_started_again_counts_from_its_start() -> None:
    found = make_figures([(reading(0, 1000), reading(10, 50))])
    assert found
    assert found.rate == pytest.approx(5)


def test_one_reading_gives_no_figures_and_no_requests_no_latency() -> None:
    assert make_figures([(reading(1, 5), reading(1, 5))]) is None
    found = make_figures([(reading(0, 5), reading(1, 5))])
    assert found
    assert (found.rate, found.p50, found.p99) == (0, None, None)


@given(st.dictionaries(st.floats(0, exclude_min=True), st.floats(0, 1e12), max_size=8), st.floats(0, 1))
def test_a_quantile_of_whatever_buckets_is_a_number_or_none(buckets: dict[float, float], share: float) -> None:
    found = quantile(buckets, share)
    assert found is None or found >= 0
