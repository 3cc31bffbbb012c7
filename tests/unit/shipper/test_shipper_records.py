"""A record's number, and the account of lines."""

import json

import pytest

from shipper.records import Tally, sequence_of
from tests.unit.shipper.writing import line

BOOT = "00000000c0ffee00"


def test_a_number_is_that_of_the_record() -> None:
    assert sequence_of(line(BOOT, 17)) == 17


def test_what_a_caller_sends_is_never_taken_for_a_number() -> None:
    hostile = '"mlendpoints":{"sequence":99,"x":1}' + json.dumps({"mlendpoints": {"sequence": 98}})
    assert sequence_of(line(BOOT, 17, hostile)) == 17
    assert sequence_of(line(BOOT, 17, "\\" + hostile)) == 17


@pytest.mark.parametrize(
    "content", [b"\n", b"{}\n", b"[1]\n", line(BOOT, 1)[:-3] + b"\n", line(BOOT, 1)[:-1], b"\0" * 80]
)
def test_anything_else_has_none(content: bytes) -> None:
    assert sequence_of(content) is None


def tally_of(*sequences: int, after: int = 0, known: int = 0) -> Tally:
    tally = Tally(after=after, known=known)
    for sequence in sequences:
        tally.add(line(BOOT, sequence))
    return tally


def test_numbers_that_are_left_out_are_missing() -> None:
    tally = tally_of(3, 4, 7)
    assert (tally.first, tally.records, tally.missing, tally.after) == (3, 3, 4, 7)


def test_numbers_continue_from_file_to_file() -> None:
    assert tally_of(8, 9, after=7).missing == 0
    assert tally_of(9, after=7).missing == 1


def test_records_that_are_known_are_skipped() -> None:
    tally = tally_of(1, 2, 3, after=2, known=2)
    assert (tally.first, tally.records, tally.missing, tally.after) == (3, 1, 0, 3)


def test_an_unreadable_line_is_no_record_and_shows_as_a_gap() -> None:
    tally = Tally()
    for content in (line(BOOT, 1), b"rubbish\n", line(BOOT, 3)):
        tally.add(content)
    assert (tally.records, tally.unreadable, tally.missing) == (2, 1, 1)
    assert tally.size == len(line(BOOT, 1) + line(BOOT, 3))
    assert tally.seen == tally.size + len(b"rubbish\n")
