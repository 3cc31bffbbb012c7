"""Pieces read by several threads come out whole and in order, few at a time."""

import random
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fetcher.artifact import PIECE, Piece, pieces
from fetcher.concurrency import Concurrency
from fetcher.failures import Changed
from fetcher.parallel import WINDOW, Parallel, RetryPolicy
from outbound.failures import Interrupted, RequestFailed


class Memory:
    """A part held in memory that counts how much of it is ahead of its reader."""

    path, validator = b"", "1"

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.size = len(content)
        self.lock = threading.Lock()
        self.ahead = self.most_ahead = 0

    def fill(self, start: int, buffer: memoryview) -> None:
        with self.lock:
            self.ahead += 1
            self.most_ahead = max(self.most_ahead, self.ahead)
        buffer[:] = self.content[start : start + len(buffer)]


def reading(parts: list[Memory], streams: int = 8) -> Parallel:
    concurrency = Concurrency(most=streams, streams=streams)
    return Parallel(pieces(parts), _filled, retry=RetryPolicy(3, 0), concurrency=concurrency)


def _filled(piece: Piece, buffer: memoryview) -> None:
    piece.part.fill(piece.start, buffer)


def ended(parallel: Parallel) -> Iterator[bytes]:
    try:
        for _, chunk in parallel.read():
            yield bytes(chunk)
    finally:
        parallel.close()
        parallel.join()


@settings(max_examples=20)
@given(st.lists(st.integers(0, 3 * PIECE), max_size=5), st.integers(1, 16))
def test_pieces_come_in_order_and_whole(sizes: list[int], streams: int) -> None:
    parts = [Memory(random.Random(size).randbytes(size)) for size in sizes]  # noqa: S311 - the same bytes each time
    assert b"".join(ended(reading(parts, streams))) == b"".join(part.content for part in parts)


def test_no_more_is_in_memory_than_the_window_holds() -> None:
    part = Memory(bytes(3 * WINDOW * PIECE))
    for _ in ended(reading([part], 16)):
        with part.lock:
            part.ahead -= 1
    assert part.most_ahead <= WINDOW


class Failing(Memory):
    """Raises, as often as told, where its second piece is read."""

    def __init__(self, failure: Exception, times: int) -> None:
        super().__init__(bytes(4 * PIECE))
        self.failure = failure
        self.times = times
        self.asked = 0

    def fill(self, start: int, buffer: memoryview) -> None:
        if start == PIECE:
            self.asked += 1
            if self.asked <= self.times:
                raise self.failure
        super().fill(start, buffer)


def test_an_interruption_is_tried_again() -> None:
    part = Failing(Interrupted("reset"), 2)
    assert len(b"".join(ended(reading([part])))) == part.size


@pytest.mark.parametrize(
    ("failure", "asked", "raised"),
    [(Interrupted("reset"), 3, RequestFailed), (Changed("replaced"), 1, Changed), (ValueError("bug"), 1, ValueError)],
)
def test_what_does_not_go_away_is_raised(failure: Exception, asked: int, raised: type[Exception]) -> None:
    part = Failing(failure, 99)
    with pytest.raises(raised):
        list(ended(reading([part])))
    assert part.asked == asked


def test_a_reader_that_gives_up_leaves_no_thread() -> None:
    before = threading.active_count()
    chunks = ended(reading([Memory(bytes(50 * PIECE))]))
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
