"""The account as a value, its text in the ledger, and the pause before a retry."""

import pytest

from shipper.account import MOST_BOOTS, Account, Amount, Damaged, SinkState, decode, encode
from shipper.backoff import Backoff
from shipper.names import SpoolFile, spool_file
from tests.unit.shipper.writing import line

BOOT = "00000000c0ffee00"


def file(slot: int = 0, boot: str = BOOT) -> SpoolFile:
    found = spool_file(f"{1_764_152_430 + 10 * slot}-{boot}.jsonl")
    assert found is not None
    return found


def delivered(account: Account, of: SpoolFile, *sequences: int, lost: str = "") -> Account:
    tally = account.tally_of(of)
    for sequence in sequences:
        tally.add(line(of.boot, sequence))
    return account.delivered(of, tally, lost)


def test_a_delivery_is_counted_with_what_is_missing_before_it() -> None:
    account = delivered(delivered(Account(), file(0), 1, 2), file(1), 5)
    assert account.shipped == Amount(3, sum(len(line(BOOT, each)) for each in (1, 2, 5)), 2)
    assert account.lost == {"missing": 2}


def test_records_that_the_sink_does_not_accept_are_lost_and_not_missing() -> None:
    account = delivered(delivered(Account(), file(0), 1, 2, lost="too_large"), file(1), 3)
    assert account.lost == {"too_large": 2}
    assert (account.shipped.records, account.shipped.files) == (1, 1)


def test_a_file_that_was_delivered_holds_nothing_new() -> None:
    account = delivered(Account(), file(0), 1, 2)
    assert delivered(account, file(0), 1, 2).shipped.records == 2
    assert delivered(account, file(0), 1, 2, 3).shipped.records == 3


def test_a_file_is_late_after_a_later_one() -> None:
    account = delivered(delivered(Account(), file(2), 1), file(1), 2)
    assert [account.is_late(file(slot)) for slot in (1, 2, 3)] == [True, True, False]
    assert not account.is_late(file(0, boot="00000000c0ffee01"))


def test_the_ledger_holds_all_of_it() -> None:
    account = delivered(delivered(Account(), file(0), 2), file(0, boot="00000000c0ffee01"), 1)
    text = encode(account, Amount(5, 500), SinkState(ok=False, reason="denied"))
    assert decode(text) == account
    assert b'"spooled":{"records":5,"bytes":500},"sink":{"ok":false,"reason":"denied"}' in text


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"null", b"[]", b"{}", b'{"version":2}', b'{"version":1}', b"[" * 10_000, b"\xff"),
        b'{"version":1,"shipped":{"records":1,"bytes":1,"files":1},"lost":{},"boots":{"x":[1]}}',
    ],
)
def test_a_damaged_ledger_is_none(text: bytes) -> None:
    with pytest.raises(Damaged):
        decode(text)


def test_the_ledger_stays_small_over_many_starts_of_nginx() -> None:
    account = Account()
    for number in range(3 * MOST_BOOTS):
        account = delivered(account, file(number, boot=f"{number:016x}"), 1)
    assert len(account.boots) == MOST_BOOTS
    assert f"{3 * MOST_BOOTS - 1:016x}" in account.boots
    assert len(encode(account, Amount(), SinkState())) < 8 * 1024


def test_pauses_double_up_to_a_minute_and_are_spread() -> None:
    backoff, pauses = Backoff(1), []
    for _ in range(9):
        backoff = backoff.failed()
        pauses.append(backoff.pause(1))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert backoff.pause(0) == 30
    assert Backoff(1).failed().pause(1, at_least=7) == 7
    assert Backoff(1).failed().pause(1, at_least=1e9) == 60
