"""How many streams are used: more while they help, fewer when they do not."""

from fetcher.concurrency import FIRST, MOST, PATIENCE, Concurrency

SECOND = 1_000_000


def rates(concurrency: Concurrency, each: int, most: int, *, times: int = 20) -> list[int]:
    """The streams at each measure of a network that gives so much to each, and no more than so much to all."""
    seen = []
    for _ in range(times):
        seen.append(concurrency.streams)
        concurrency.measured(min(concurrency.streams * each, most), starved=True)
    return seen


def test_streams_are_doubled_while_that_helps() -> None:
    assert rates(Concurrency(streams=2), SECOND, 100 * SECOND)[:5] == [2, 4, 8, 16, 16]


def test_it_begins_with_what_a_fast_link_of_some_length_needs() -> None:
    assert rates(Concurrency(), SECOND, 100 * SECOND)[:3] == [FIRST, 16, 16]
    assert Concurrency(most=4).streams == 4


def test_streams_that_do_not_help_are_given_up() -> None:
    seen = rates(Concurrency(streams=2), SECOND, 4 * SECOND)
    assert seen[:4] == [2, 4, 8, 4]
    assert set(seen[3 : 3 + PATIENCE]) == {4}


def test_more_is_tried_again_after_a_while() -> None:
    assert 8 in rates(Concurrency(streams=2), SECOND, 4 * SECOND, times=40)[4:]


def test_a_reader_that_is_busy_needs_no_more_streams() -> None:
    concurrency = Concurrency(streams=2)
    for _ in range(50):
        concurrency.measured(SECOND, starved=False)
    assert concurrency.streams == 2


def test_there_is_always_one_stream_and_never_more_than_allowed() -> None:
    concurrency = Concurrency(most=3)
    assert max(rates(concurrency, SECOND, 100 * SECOND)) == 3
    for _ in range(10):
        concurrency.overloaded()
    assert concurrency.streams == 1
    assert Concurrency(most=1).streams == 1
    assert MOST == 16
