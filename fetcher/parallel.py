"""Pieces downloaded by several streams concurrently, returned in order, in bounded memory.

    threads: fill ──> ready (at most WINDOW pieces, with those being filled) ──> one reader, in order

A piece is started only if the reader is less than WINDOW pieces behind it, so the piece
that the reader waits for is always in flight. It must not know where bytes come from.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fetcher.artifact import PIECE, Piece
from fetcher.concurrency import Concurrency
from fetcher.failures import Changed, words
from outbound import log
from outbound.failures import Interrupted, Overloaded, RequestFailed

WINDOW = 20
"""Pieces in memory, at most."""
MEASURE_SECONDS = 0.25


@dataclass(frozen=True)
class RetryPolicy:
    """Attempts for each piece, and the pause before the first retry; it doubles with each retry."""

    attempts: int
    pause_seconds: float


Fill = Callable[[Piece, memoryview], None]


@dataclass
class SharedState:
    """State that the threads share, under one lock."""

    pieces: Iterator[Piece]
    begun: int = 0
    taken: int = 0
    active: int = 0
    ended: bool = False
    failure: Exception | None = None
    ready: dict[int, tuple[Piece, bytearray]] = field(default_factory=dict)
    spare: list[bytearray] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    may_start: threading.Condition = field(init=False)
    """A piece may be started: one thread is woken for each piece taken, since more would find nothing to do."""
    came: threading.Condition = field(init=False)
    """The piece that the reader waits for is ready, or none will come."""

    def __post_init__(self) -> None:
        self.may_start, self.came = threading.Condition(self.lock), threading.Condition(self.lock)

    def end(self, failure: Exception | None = None) -> None:
        """Starts no further piece; the caller holds the lock."""
        self.failure = self.failure or failure
        self.ended = True
        self.may_start.notify_all()
        self.came.notify_all()


class Meter:
    """Measures the rate at which the reader gets bytes."""

    def __init__(self, concurrency: Concurrency, clock: Callable[[], float] = time.monotonic) -> None:
        self._concurrency = concurrency
        self._clock = clock
        self._since, self._bytes = clock(), 0
        self.starved = False

    def count(self, size: int) -> None:
        """``size`` more bytes were read."""
        self._bytes += size
        passed = self._clock() - self._since
        if passed >= MEASURE_SECONDS:
            self._concurrency.measured(self._bytes / passed, starved=self.starved)
            self._since, self._bytes, self.starved = self._clock(), 0, False


class Parallel:
    """Reads pieces ahead, concurrently."""

    def __init__(self, pieces: Iterator[Piece], fill: Fill, *, retry: RetryPolicy, concurrency: Concurrency) -> None:
        self._shared = SharedState(pieces)
        self._fill = fill
        self._retry = retry
        self._concurrency = concurrency
        self._threads: list[threading.Thread] = []
        self._wanted = 0
        self._stopped = threading.Event()

    def read(self) -> Iterator[tuple[Piece, memoryview]]:
        """Each piece with its bytes, valid until the next piece is requested; raises what ``fill`` raised."""
        meter = Meter(self._concurrency)
        while (found := self._next(meter)) is not None:
            piece, buffer = found
            yield piece, memoryview(buffer)[: piece.size]
            meter.count(piece.size)
            with self._shared.lock:
                self._shared.spare.append(buffer)

    def close(self) -> None:
        """Starts no further piece; ``join`` waits for those in flight."""
        self._stopped.set()
        with self._shared.lock:
            self._shared.end()

    def join(self) -> None:
        """Waits until every thread has ended."""
        for thread in self._threads:
            thread.join()

    def _next(self, meter: "Meter") -> tuple[Piece, bytearray] | None:
        shared = self._shared
        with shared.lock:
            self._staff()
            while shared.taken not in shared.ready:
                if shared.failure:
                    raise shared.failure
                if shared.ended and shared.taken == shared.begun:
                    return None
                meter.starved = True
                shared.came.wait(MEASURE_SECONDS)
                self._staff()
            found = shared.ready.pop(shared.taken)
            shared.taken += 1
            shared.may_start.notify()
            return found

    def _staff(self) -> None:
        """Starts threads up to the current concurrency; surplus threads idle. The caller holds the lock."""
        if self._wanted < self._concurrency.streams:
            self._shared.may_start.notify_all()
        self._wanted = self._concurrency.streams
        while len(self._threads) < self._concurrency.streams and not self._shared.ended:
            thread = threading.Thread(target=self._work, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        shared = self._shared
        while (begun := self._begin()) is not None:
            number, piece, buffer = begun
            try:
                self._fill_with_retries(piece, memoryview(buffer)[: piece.size])
            except Exception as error:  # noqa: BLE001 - raised again where the piece is read
                with shared.lock:
                    shared.end(error)
                return
            with shared.lock:
                shared.active -= 1
                shared.ready[number] = piece, buffer
                if number == shared.taken:
                    shared.came.notify()

    def _begin(self) -> tuple[int, Piece, bytearray] | None:
        """The next piece's number, the piece and its buffer; None if nothing is left to start."""
        shared = self._shared
        with shared.lock:
            while not shared.ended and (
                shared.begun - shared.taken >= WINDOW - 1 or shared.active >= self._concurrency.streams
            ):
                shared.may_start.wait()
            piece = None if shared.ended else next(shared.pieces, None)
            if piece is None:
                shared.end()
                return None
            number, shared.begun, shared.active = shared.begun, shared.begun + 1, shared.active + 1
            return number, piece, shared.spare.pop() if shared.spare else bytearray(PIECE)

    def _fill_with_retries(self, piece: Piece, buffer: memoryview) -> None:
        """Fills it, with retries after interruptions."""
        failures = 0
        while True:
            try:
                return self._fill(piece, buffer)
            except Interrupted as failure:
                failures += 1
                if isinstance(failure, Overloaded):
                    self._concurrency.overloaded()
                if isinstance(failure, Changed):
                    raise
                if failures >= self._retry.attempts:
                    raise RequestFailed(f"{failure} ({failures} attempts)") from failure
                pause = max(failure.pause, self._retry.pause_seconds * 2 ** (failures - 1))
                log.warning(
                    "Request failed; retrying", attempt=failures, retry_after_seconds=pause, message=words(failure)
                )
                if self._stopped.wait(pause):
                    raise
