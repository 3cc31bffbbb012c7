"""The token bucket keeps its rate, whoever asks and however late they come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.fetch.bucket import BURST_SECONDS, Bucket

RATE = 1000.0
SIZES = st.lists(st.integers(1, 5000), min_size=1, max_size=50)


def test_without_a_rate_nobody_waits() -> None:
    bucket = Bucket(0)
    assert [bucket.wait(10**9, now) for now in (0.0, 0.0, 1.0)] == [0, 0, 0]


def test_each_waits_for_all_before_it() -> None:
    bucket = Bucket(RATE)
    waits = [bucket.wait(500, 100.0) for _ in range(3)]
    assert waits == pytest.approx([0.5 - BURST_SECONDS, 1.0 - BURST_SECONDS, 1.5 - BURST_SECONDS])


def test_what_was_not_used_is_lost_but_for_a_short_burst() -> None:
    bucket = Bucket(RATE)
    bucket.wait(1, 0.0)
    assert bucket.wait(1000, 3600.0) == pytest.approx(1.0 - BURST_SECONDS)


@given(SIZES, st.floats(0, 0.01))
def test_senders_that_wake_late_still_send_at_the_rate(sizes: list[int], late: float) -> None:
    bucket, now = Bucket(RATE), 0.0
    for size in sizes:
        pause = bucket.wait(size, now)
        now += pause + (late if pause else 0)
    assert sum(sizes) / RATE - BURST_SECONDS <= now + 1e-6
    assert now <= sum(sizes) / RATE + late + 1e-6


@given(SIZES, st.lists(st.floats(0, 2), min_size=50, max_size=50))
def test_no_stretch_of_time_carries_more_than_the_rate_and_the_burst(sizes: list[int], gaps: list[float]) -> None:
    bucket, now, left = Bucket(RATE), 0.0, list[tuple[float, int]]()
    for size, gap in zip(sizes, gaps, strict=False):
        now += gap
        left.append((now + bucket.wait(size, now), size))
    for first in range(len(left)):
        for last in range(first + 1, len(left)):
            carried = sum(size for _, size in left[first + 1 : last + 1])
            assert carried <= (left[last][0] - left[first][0] + BURST_SECONDS) * RATE + 1e-3
