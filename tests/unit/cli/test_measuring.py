"""Lines of what pods have counted."""

from math import inf

from mlendpoints.cli.measuring import cells, make_row
from mlendpoints.client.counting import Counts

COUNTS = Counts(
    requests={"200": 90, "503": 10},
    durations={0.1: 50, 0.2: 100, inf: 100},
    cpu_seconds=8,
    memory=100 << 20,
    cores=0.5,
    limit=256 << 20,
)


def test_a_row_shows_shares_times_and_what_is_used_of_what() -> None:
    row = make_row("blue", "iqarvt52", COUNTS, 16.0)
    assert cells(row) == [
        *("blue", "iqarvt52", "1", "100", "10 (10.0%)", "100 ms", "198 ms"),
        *("0.5 of 0.5", "100.0 MiB of 256.0 MiB"),
    ]


def test_what_is_not_known_is_empty() -> None:
    row = make_row("", "iqarvt52", Counts(requests={"200": 0}))
    assert cells(row) == ["", "iqarvt52", "1", "0", "0", "", "", "", ""]
    assert make_row("blue", "x", COUNTS).cpu_cores is None
