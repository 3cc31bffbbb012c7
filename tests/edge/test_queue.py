import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlendpoints.core.world import Ref
from mlendpoints.edge.fairness import Budget
from mlendpoints.edge.reconcile.queue import FIRST_RETRY, LAST_RETRY, Queue
from tests.edge.virtual_time import elapse, now, run, settle

A, B, C = (Ref("Endpoint", "default", name) for name in "abc")


def longest() -> Queue:
    return Queue(jitter=lambda: 1.0)


def test_a_key_added_twice_is_worked_on_once() -> None:
    async def scenario() -> None:
        queue = Queue()
        queue.add(A)
        queue.add(A)
        assert await queue.get() == A
        queue.done(A)
        assert len(queue) == 0

    run(scenario())


def test_keys_come_in_the_order_in_which_they_were_added() -> None:
    async def scenario() -> None:
        queue = Queue()
        for key in (B, A, C, A):
            queue.add(key)
        assert [await queue.get() for _ in range(3)] == [B, A, C]

    run(scenario())


def noisy(count: int) -> list[Ref]:
    return [Ref("Endpoint", "noisy", f"n{number}") for number in range(count)]


@pytest.mark.parametrize("edited", [False, True])
def test_a_busy_namespace_keeps_no_other_waiting(edited: bool) -> None:  # noqa: FBT001
    async def scenario() -> None:
        queue = Queue()
        for key in noisy(1000):
            queue.add(key, edited=edited)
        queue.add(A)
        assert A in [await queue.get() for _ in range(3)]

    run(scenario())


def test_a_namespace_whose_keys_take_long_leaves_workers_to_the_others() -> None:
    async def scenario() -> None:
        queue = Queue(share=2)
        for key in (A, B, C):
            queue.add(key, edited=True)
        at_work = [await queue.get(), await queue.get()]
        third = asyncio.create_task(queue.get())
        await settle()
        assert not third.done()

        other = Ref("Endpoint", "quiet", "a")
        queue.add(other)
        assert await third == other

        fourth = asyncio.create_task(queue.get())
        await settle()
        assert not fourth.done()
        queue.done(at_work[0])
        assert await fourth == C

    run(scenario())


def thrifty() -> Queue:
    """At first a second of the processor for each namespace, then half of the time."""
    return Queue(budget=Budget(rate=0.5, burst=1.0, clock=now))


def test_a_namespace_that_has_used_up_its_share_of_the_processor_waits_and_no_other_does() -> None:
    async def scenario() -> None:
        queue = thrifty()
        for key in noisy(3):
            queue.add(key, edited=True)
        assert not queue.done(await queue.get(), used=1.0)
        assert queue.done(await queue.get(), used=2.0)
        queue.add(A)
        assert await queue.get() == A
        begun = now()
        assert (await queue.get()).namespace == "noisy"
        assert now() - begun == pytest.approx(4.0)  # two seconds too many, at half of the time

    run(scenario())


def test_what_was_at_work_when_the_share_was_used_up_counts_too() -> None:
    async def scenario() -> None:
        queue = thrifty()
        for key in noisy(4):
            queue.add(key)
        first, second, third = [await queue.get() for _ in range(3)]
        assert queue.done(first, used=2.0)
        assert not queue.done(second, used=1.0)  # they wait already
        assert not queue.done(third, used=1.0)
        assert await queue.get() == noisy(4)[3]
        assert now() == pytest.approx(6.0)

    run(scenario())


def test_a_share_that_was_not_used_is_no_more_than_a_burst_later() -> None:
    async def scenario() -> None:
        queue = thrifty()
        await elapse(3600)
        queue.add(A)
        assert queue.done(await queue.get(), used=1.5)

    run(scenario())


def test_an_edit_waits_behind_one_other_key_at_most_whatever_is_looked_at_again() -> None:
    async def scenario() -> None:
        queue = Queue()
        for key in noisy(1000):
            queue.add(key)
        for number in range(1000):
            queue.add(Ref("Endpoint", f"ns-{number}", "e"))
        assert (await queue.get()).namespace == "noisy"
        queue.add(A, edited=True)
        assert A in [await queue.get() for _ in range(2)]

    run(scenario())


def test_edits_leave_every_second_turn_to_the_rest() -> None:
    async def scenario() -> None:
        queue = Queue()
        for key in noisy(10):
            queue.add(key, edited=True)
        queue.add(A)
        queue.add(B)
        got = [await queue.get() for _ in range(4)]
        assert [key for key in got if key in (A, B)] == [A, B]

    run(scenario())


def test_a_key_that_waits_is_moved_forward_by_an_edit_and_comes_once() -> None:
    async def scenario() -> None:
        queue = Queue()
        for key in noisy(100):
            queue.add(key)
        last = noisy(100)[-1]
        queue.add(last, edited=True)
        queue.add(last)
        got = [await queue.get() for _ in range(100)]
        assert got.index(last) == 0
        assert sorted(got) == sorted(noisy(100))
        assert len(queue) == 0

    run(scenario())


def test_a_key_added_while_at_work_waits_until_it_is_done() -> None:
    async def scenario() -> None:
        queue = Queue()
        queue.add(A)
        await queue.get()
        queue.add(A)
        again = asyncio.create_task(queue.get())
        await settle()
        assert not again.done()
        queue.done(A)
        assert await again == A

    run(scenario())


def test_a_getter_that_is_cancelled_takes_no_key_along() -> None:
    async def scenario() -> None:
        queue = Queue()
        getter = asyncio.create_task(queue.get())
        await settle()
        queue.add(A)
        getter.cancel()
        await settle()
        assert getter.cancelled()
        assert await queue.get() == A

    run(scenario())


def test_a_delayed_key_comes_at_its_time() -> None:
    async def scenario() -> None:
        queue = Queue()
        queue.add_after(A, 30)
        assert await queue.get() == A
        assert now() == pytest.approx(30)

    run(scenario())


def test_the_earlier_of_two_delays_counts() -> None:
    async def scenario() -> None:
        queue = Queue()
        queue.add_after(A, 30)
        queue.add_after(A, 5)
        queue.add_after(A, 60)
        await queue.get()
        assert now() == pytest.approx(5)
        queue.done(A)
        await elapse(100)
        assert len(queue) == 0

    run(scenario())


def test_what_is_added_now_is_not_added_later_too() -> None:
    async def scenario() -> None:
        queue = Queue()
        queue.add_after(A, 5)
        queue.add(A)
        await queue.get()
        queue.done(A)
        await elapse(100)
        assert len(queue) == 0

    run(scenario())


def test_a_delay_in_the_past_means_now() -> None:
    async def scenario() -> None:
        queue = Queue()
        queue.add_after(A, -5)
        assert await queue.get() == A
        assert now() == 0

    run(scenario())


def test_failures_double_the_delay_up_to_a_limit_and_success_starts_anew() -> None:
    async def scenario() -> None:
        queue = longest()
        delays = [queue.retry(A) for _ in range(20)]
        assert delays[:4] == [FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY, 8 * FIRST_RETRY]
        assert delays[-1] == LAST_RETRY
        queue.succeed(A)
        assert queue.retry(A) == FIRST_RETRY

    run(scenario())


def test_one_keys_failures_do_not_delay_another() -> None:
    async def scenario() -> None:
        queue = longest()
        for _ in range(5):
            queue.retry(A)
        assert queue.retry(B) == FIRST_RETRY

    run(scenario())


def test_a_retry_waits_at_least_as_long_as_the_server_asks() -> None:
    async def scenario() -> None:
        queue = longest()
        queue.retry(A, at_least=7)
        await queue.get()
        assert now() == pytest.approx(7)

    run(scenario())


def test_what_is_forgotten_does_not_come_later() -> None:
    async def scenario() -> None:
        queue = Queue()
        queue.add_after(A, 5)
        queue.forget(A)
        await elapse(100)
        assert len(queue) == 0

    run(scenario())


@given(jitter=st.floats(0, 1), failures=st.integers(1, 40))
def test_jitter_never_more_than_halves_a_delay(jitter: float, failures: int) -> None:
    async def scenario() -> None:
        plain, jittered = longest(), Queue(jitter=lambda: jitter)
        for _ in range(failures):
            full, delay = plain.retry(A), jittered.retry(A)
        assert full / 2 <= delay <= full

    run(scenario())


@given(
    steps=st.lists(st.tuples(st.sampled_from(["add", "edit", "get", "done"]), st.sampled_from([A, B, C])), max_size=60)
)
def test_no_key_is_at_work_twice_and_no_addition_is_lost(steps: list[tuple[str, Ref]]) -> None:
    async def scenario() -> None:
        queue, working, wanted = Queue(), set[Ref](), set[Ref]()
        for step, key in steps:
            if step in ("add", "edit"):
                queue.add(key, edited=step == "edit")
                wanted.add(key)
            elif step == "done" and key in working:
                working.discard(key)
                queue.done(key)
            elif step == "get" and wanted - working:
                got = await queue.get()
                assert got not in working
                working.add(got)
                wanted.discard(got)
        for key in working:
            queue.done(key)
        assert {await queue.get() for _ in range(len(wanted))} == wanted
        assert len(queue) == 0

    run(scenario())
