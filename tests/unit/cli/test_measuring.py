"""Lines of what pods have counted."""

from mlendpoints.cli.measuring import cells, make_row
from mlendpoints.client.counting import Counts
from tests.unit.client.test_counting import PARSED


def test_a_row_shows_shares_times_and_what_is_used_of_what() -> None:
    row = make_row("blue", "iqarvt52", PARSED, 16.0)
    assert cells(row) == [
        *("blue", "iqarvt52", "1", "100", "10 (10.0%)", "100 ms", "198 ms"),
        *("0.5 of 0.5", "100.0 MiB of 256.0 MiB"),
    ]


def test_what_is_not_known_is_empty() -> None:
    row = make_row("", "iqarvt52", Counts(requests={"200": 0}))
    assert cells(row) == ["", "iqarvt52", "1", "0", "0", "", "", "", ""]
    assert make_row("blue", "x", PARSED).cpu_cores is None
