"""Figures between two readings of pods."""

from math import inf

import pytest

from mlendpoints.client.counting import Counts
from mlendpoints.dashboard.figures import Reading, make_figures


def reading(at: float, count: float, **more: float) -> Reading:
    durations = {0.1: count / 2, 0.2: count, inf: count}
    return Reading(at=at, counts=Counts(requests={"200": count} | more, durations=durations))


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
