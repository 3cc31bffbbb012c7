"""Metrics that a plan wants, read from real sockets."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from mlendpoints.core.world import Measure, Ref
from mlendpoints.edge.poll.measurements import LONGEST, Meter, lowest
from tests.kit.waiting import until

KEY, OTHER = Ref("Endpoint", "ns", "a"), Ref("Endpoint", "ns", "b")


class Pod:
    """Answers what it is told to, and remembers the heads of what it was asked."""

    def __init__(self, body: bytes = b"up 1\n", *, head: str = "200 OK\r\n", silent: bool = False) -> None:
        self.body, self.head, self.silent = body, head, silent
        self.heads: list[str] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.measure = Measure("pod", "", 0, "up")

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            if self.silent:
                await reader.read()
            writer.write(f"HTTP/1.1 {self.head}Connection: close\r\n\r\n".encode() + self.body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has read enough, or was cancelled
        finally:
            writer.close()

    async def hang_up(self) -> None:
        """Closes what is still open."""
        for writer in self.writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def measuring(pod: Pod) -> AsyncIterator[tuple[Meter, list[Ref]]]:
    server = await asyncio.start_server(pod.handle, "127.0.0.1", 0)
    pod.measure = Measure("pod", "127.0.0.1", server.sockets[0].getsockname()[1], "up")
    woken: list[Ref] = []
    meter = Meter(woken.append, period=0.0)
    try:
        yield meter, woken
    finally:
        await meter.close()
        server.close()
        await pod.hang_up()


def test_the_value_comes_back_and_wakes_the_key() -> None:
    async def scenario() -> None:
        pod = Pod()
        async with measuring(pod) as (meter, woken):
            meter.want(KEY, (pod.measure,))
            await until(lambda: bool(woken))
            (answer,) = meter.answers(KEY).values()
            assert (answer.value, answer.failure) == (1, "")
            assert set(woken) == {KEY}
            assert meter.answers(OTHER) == {}
            assert pod.heads[0].startswith("GET /metrics HTTP/1.1\r\n")
            assert "Accept-Encoding: identity\r\n" in pod.heads[0]

    asyncio.run(scenario())


def test_it_is_read_again_as_long_as_it_is_wanted() -> None:
    async def scenario() -> None:
        pod = Pod()
        async with measuring(pod) as (meter, woken):
            meter.want(KEY, (pod.measure,))
            await until(lambda: len(pod.heads) >= 3)
            assert len(woken) == 1  # nothing has changed since
            pod.body = b"up 0\n"
            await until(lambda: [answer.value for answer in meter.answers(KEY).values()] == [0])
            meter.want(KEY, ())
            assert meter.answers(KEY) == {}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("make", "failure"),
    [
        (lambda: Pod(head="302 Found\r\nLocation: http://127.0.0.1:1/\r\n"), "status 302"),
        (lambda: Pod(b"x" * (LONGEST + 1)), f"more than {LONGEST} bytes"),
        (lambda: Pod(gzip.compress(b"up 1\n"), head="200 OK\r\nContent-Encoding: gzip\r\n"), "encoded answer"),
        (lambda: Pod(head="Hello\r\n"), "no HTTP answer"),
        (lambda: Pod(silent=True), "timed out"),
    ],
    ids=["a redirect", "too much", "encoded", "no HTTP", "silence"],
)
def test_what_is_no_measurement_is_a_failure_in_a_few_words(make: Callable[[], Pod], failure: str) -> None:
    async def scenario() -> None:
        pod = make()
        async with measuring(pod) as (meter, woken):
            meter.want(KEY, (pod.measure,))
            await until(lambda: bool(woken))
            (answer,) = meter.answers(KEY).values()
            assert (answer.value, answer.failure) == (None, failure)

    asyncio.run(scenario())


def test_bytes_that_are_no_text_do_no_harm() -> None:
    async def scenario() -> None:
        pod = Pod(b"\xff\nup 1\nup \xff\n")
        async with measuring(pod) as (meter, woken):
            meter.want(KEY, (pod.measure,))
            await until(lambda: bool(woken))
            assert [answer.value for answer in meter.answers(KEY).values()] == [1]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# TYPE up gauge\nup 1\n", 1),
        ('up{pod="a"} 1\nup{pod="b"} 0\nup{pod="c"} 1\n', 0),
        ('up{pod="} 0\\n"} 1\n', 1),
        ("uptime 0\nstartup 0\nup 2.5e1\n", 25),
        ("up NaN\nup -Inf\nup e\nup 1 1700000000\nup \nup\n", None),
        ("up " + "9" * 400 + "\nup 1e999\nup 3", 3),
        ("up{" * 80_000, None),
        ("up{" + "}" * 250_000 + " 1", 1),
    ],
)
def test_the_lowest_of_a_metric_s_series_counts(text: str, value: float | None) -> None:
    assert lowest(text, "up") == value


def test_a_closed_meter_leaves_no_tasks() -> None:
    async def scenario() -> None:
        before, pod = asyncio.all_tasks(), Pod(silent=True)
        async with measuring(pod) as (meter, _):
            meter.want(KEY, (pod.measure,))
            await until(lambda: bool(pod.heads))
            await meter.close()
            assert {task for task in asyncio.all_tasks() - before if "_repeat" in repr(task)} == set()

    asyncio.run(scenario())
