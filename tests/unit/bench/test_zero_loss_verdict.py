"""How requests, logs and updates are matched."""

from collections import Counter

from msgspec.structs import replace

from bench.zero_loss.updates import Update
from bench.zero_loss.verdict import judge
from tests.kit.load.generator import QUICK, Record

EDIT, READY, DONE, SETTLED = 10.0, 12.0, 12.5, 14.0


def a_record(number: int, *, sent: float, text: str = "old", status: int = 200) -> Record:
    return Record(
        id=f"r-{number}",
        scheduled=sent,
        sent=sent,
        ended=sent + 0.01,
        gateway="10.0.0.1:80",
        fresh=False,
        takes=QUICK,
        status=status,
        text=text,
    )


def an_update() -> Update:
    return Update(
        kind="swap",
        drain=0,
        is_disturbed=False,
        begun=EDIT,
        edited=EDIT,
        settled=SETTLED,
        allowed=frozenset({"new"}),
        done=DONE,
        ready=READY,
        gone=13.0,
    )


BEFORE, SWITCHING, AFTER = a_record(1, sent=9.0), a_record(2, sent=12.25), a_record(3, sent=13.0, text="new")


def test_all_is_well_when_each_answer_is_in_the_log_once() -> None:
    verdict = judge([AFTER, BEFORE, SWITCHING], Counter(["r-1", "r-2", "r-3"]), [an_update()])
    assert (verdict.requests, verdict.lost, verdict.doubled, verdict.unlogged, verdict.unknown) == (3, [], [], [], [])
    assert (verdict.steady.count, verdict.during.count) == (1, 2)
    (update,) = verdict.judged
    assert (update.requests, update.old_until, update.net_new) == (2, 2.25, 0.25)
    assert (update.done, update.net_done, update.gone, update.early) == (2.5, 0.5, 3.0, False)


def test_what_got_no_answer_or_an_error_is_lost_whatever_the_log_says() -> None:
    silent, refused = a_record(4, sent=12.0, status=0), a_record(5, sent=12.1, status=503)
    verdict = judge([silent, refused], Counter(["r-4"]), [an_update()])
    assert verdict.lost == [silent, refused]
    assert verdict.judged[0].lost == 2


def test_an_id_in_two_logs_is_doubled_and_an_answer_in_none_is_unlogged() -> None:
    verdict = judge([BEFORE, AFTER], Counter(["r-1", "r-1", "r-9"]), [])
    assert (verdict.doubled, verdict.unlogged, verdict.unknown) == (["r-1"], ["r-3"], ["r-9"])


def test_an_old_answer_to_a_request_sent_after_it_was_called_done_shows_that_it_was_called_so_too_early() -> None:
    verdict = judge([a_record(6, sent=20.0)], Counter(["r-6"]), [an_update()])
    assert verdict.early == 1


def test_a_request_that_a_busy_machine_sent_in_the_next_update_is_judged_by_that_one() -> None:
    late = replace(a_record(7, sent=20.5, text="newest"), scheduled=13.5)
    following = replace(an_update(), begun=20.0, edited=20.0, settled=24.0, allowed=frozenset({"newest"}))
    verdict = judge([late], Counter(["r-7"]), [an_update(), following])
    assert verdict.early == 0
