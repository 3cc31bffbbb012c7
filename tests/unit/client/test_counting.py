"""What pods have counted, whatever they answer with."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlendpoints.client.counting import Counts, parse_counts, since, total

TEXT = """# HELP mlendpoints_requests_total Requests of callers.
mlendpoints_requests_total{endpoint="titanic",variant="blue",code="200"} 90
mlendpoints_requests_total{endpoint="titanic",variant="blue",code="503"} 10
mlendpoints_request_duration_seconds_bucket{endpoint="titanic",le="0.1"} 50
mlendpoints_request_duration_seconds_bucket{endpoint="titanic",le="0.2"} 100
mlendpoints_request_duration_seconds_bucket{endpoint="titanic",le="+Inf"} 100
mlendpoints_cpu_requested_cores{endpoint="titanic"} 0.5
mlendpoints_memory_limit_bytes{endpoint="titanic"} 268435456
mlendpoints_process_cpu_seconds_total{process="model",mode="user"} 7
mlendpoints_process_cpu_seconds_total{process="model",mode="system"} 1
mlendpoints_process_cpu_seconds_total{process="nginx",mode="user"} 100
mlendpoints_process_memory_bytes{process="model"} 1.048576e+08
"""
PARSED = Counts(
    requests={"200": 90, "503": 10},
    durations={0.1: 50, 0.2: 100, inf: 100},
    cpu_seconds=8,
    memory=100 << 20,
    cores=0.5,
    limit=256 << 20,
)


def test_metrics_are_read() -> None:
    assert parse_counts(TEXT) == PARSED


@pytest.mark.parametrize("text", ["", "<html>", "mlendpoints_requests_total{", "nginx_http_requests_total 3", "\n" * 9])
def test_what_has_no_requests_is_no_metrics(text: str) -> None:
    assert parse_counts(text) is None


@pytest.mark.parametrize("value", ["NaN", "-1", "1e999", "+Inf", "x"])
def test_values_that_no_counter_has_are_left_out(value: str) -> None:
    found = parse_counts(f'{TEXT}mlendpoints_requests_total{{code="500"}} {value}\n')
    assert found == PARSED


@given(st.text(alphabet='mlendpoints_requests_total{}code="=,20e+.NaIf \n\\', max_size=200))
def test_no_text_does_harm(rest: str) -> None:
    parse_counts(f'mlendpoints_requests_total{{code="200"}} 1\nmlendpoints_requests_total{rest}')


def test_between_two_readings_only_what_was_added_counts() -> None:
    later = Counts(requests={"200": 100, "503": 10, "500": 2}, durations={0.1: 60, 0.2: 112}, cpu_seconds=9, memory=5)
    assert since(PARSED, later) == Counts(
        requests={"200": 10, "503": 0, "500": 2}, durations={0.1: 10, 0.2: 12}, cpu_seconds=1, memory=5
    )


def test_a_container_that_has_started_again_counts_from_its_start() -> None:
    later = Counts(requests={"200": 3}, cpu_seconds=1)
    assert since(PARSED, later) == later


def test_pods_are_added_up_and_what_one_does_not_know_is_not_known() -> None:
    both = total([PARSED, Counts(requests={"200": 1}, durations={0.1: 1, 0.2: 1, inf: 1}, limit=1)])
    assert (both.pods, both.requests["200"], both.durations[0.1], both.cpu_seconds) == (2, 91, 51, None)
    assert both.limit == (256 << 20) + 1


@given(st.dictionaries(st.floats(0, exclude_min=True), st.floats(0, 1e12), max_size=8), st.floats(0, 1))
def test_a_latency_of_whatever_buckets_is_a_number_or_none(buckets: dict[float, float], share: float) -> None:
    found = Counts(durations=buckets).latency(share)
    assert found is None or found >= 0
