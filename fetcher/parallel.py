"""Pieces downloaded by several streams concurrently, returned in order, in bounded memory.

    threads: fill ──> ready (at most WINDOW pieces, with those being filled) ──> one reader, in order

A piece is started only if the reader is less than WINDOW pieces behind it, so the piece
that the reader waits for is always in flight. It must not know where bytes come from.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fetcher import log
from fetcher.artifact import PIECE, Piece
from fetcher.failures import Changed, DownloadFailed, Interrupted, Overloaded
from fetcher.pace import Pace

WINDOW = 20
"""Pieces in memory, at most."""
MEASURE_SECONDS = 0.25


@dataclass(frozen=True)
class Patience:
    """Attempts for each piece, and the pause before the first retry; it doubles with each retry."""

    attempts: int
    pause_seconds: float


Fill = Callable[[Piece, memoryview], None]


@dataclass
class Desk:
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
    room: threading.Condition = field(init=False)
    """A piece may be started: one thread is woken for each piece taken, since more would find nothing to do."""
    came: threading.Condition = field(init=False)
    """The piece that the reader waits for is ready, or none will come."""

    def __post_init__(self) -> None:
        self.room, self.came = threading.Condition(self.lock), threading.Condition(self.lock)

    def end(self, failure: Exception | None = None) -> None:
        """Starts no further piece; the caller holds the lock."""
        self.failure = self.failure or failure
        self.ended = True
        self.room.notify_all()
        self.came.notify_all()


class Meter:
    """Measures the rate at which the reader gets bytes."""

    def __init__(self, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._clock = clock
        self._since, self._bytes = clock(), 0
        self.starved = False

    def count(self, size: int) -> None:
        """``size`` more bytes were read."""
        self._bytes += size
        passed = self._clock() - self._since
        if passed >= MEASURE_SECONDS:
            self._pace.measured(self._bytes / passed, starved=self.starved)
            self._since, self._bytes, self.starved = self._clock(), 0, False


class Parallel:
    """Reads pieces ahead, concurrently."""

    def __init__(self, pieces: Iterator[Piece], fill: Fill, *, patience: Patience, pace: Pace) -> None:
        self._desk = Desk(pieces)
        self._fill = fill
        self._patience = patience
        self._pace = pace
        self._threads: list[threading.Thread] = []
        self._wanted = 0
        self._stopped = threading.Event()

    def read(self) -> Iterator[tuple[Piece, memoryview]]:
        """Each piece with its bytes, valid until the next piece is requested; raises what ``fill`` raised."""
        meter = Meter(self._pace)
        while (found := self._next(meter)) is not None:
            piece, buffer = found
            yield piece, memoryview(buffer)[: piece.size]
            meter.count(piece.size)
            with self._desk.lock:
                self._desk.spare.append(buffer)

    def close(self) -> None:
        """Starts no further piece; ``join`` waits for those in flight."""
        self._stopped.set()
        with self._desk.lock:
            self._desk.end()

    def join(self) -> None:
        """Waits until every thread has ended."""
        for thread in self._threads:
            thread.join()

    def _next(self, meter: "Meter") -> tuple[Piece, bytearray] | None:
        desk = self._desk
        with desk.lock:
            self._staff()
            while desk.taken not in desk.ready:
                if desk.failure:
                    raise desk.failure
                if desk.ended and desk.taken == desk.begun:
                    return None
                meter.starved = True
                desk.came.wait(MEASURE_SECONDS)
                self._staff()
            found = desk.ready.pop(desk.taken)
            desk.taken += 1
            desk.room.notify()
            return found

    def _staff(self) -> None:
        """Starts threads up to the current concurrency; surplus threads idle. The caller holds the lock."""
        if self._wanted < self._pace.streams:
            self._desk.room.notify_all()
        self._wanted = self._pace.streams
        while len(self._threads) < self._pace.streams and not self._desk.ended:
            thread = threading.Thread(target=self._work, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        desk = self._desk
        while (begun := self._begin()) is not None:
            number, piece, buffer = begun
            try:
                self._persist(piece, memoryview(buffer)[: piece.size])
            except Exception as error:  # noqa: BLE001 - raised again where the piece is read
                with desk.lock:
                    desk.end(error)
                return
            with desk.lock:
                desk.active -= 1
                desk.ready[number] = piece, buffer
                if number == desk.taken:
                    desk.came.notify()

    def _begin(self) -> tuple[int, Piece, bytearray] | None:
        """The next piece's number, the piece and its buffer; None if nothing is left to start."""
        desk = self._desk
        with desk.lock:
            while not desk.ended and (desk.begun - desk.taken >= WINDOW - 1 or desk.active >= self._pace.streams):
                desk.room.wait()
            piece = None if desk.ended else next(desk.pieces, None)
            if piece is None:
                desk.end()
                return None
            number, desk.begun, desk.active = desk.begun, desk.begun + 1, desk.active + 1
            return number, piece, desk.spare.pop() if desk.spare else bytearray(PIECE)

    def _persist(self, piece: Piece, buffer: memoryview) -> None:
        """Fills it, with retries after interruptions."""
        failures = 0
        while True:
            try:
                return self._fill(piece, buffer)
            except Interrupted as failure:
                failures += 1
                if isinstance(failure, Overloaded):
                    self._pace.overloaded()
                if isinstance(failure, Changed):
                    raise
                if failures >= self._patience.attempts:
                    raise DownloadFailed(f"{failure} ({failures} attempts)") from failure
                pause = max(failure.pause, self._patience.pause_seconds * 2 ** (failures - 1))
                log.warning(
                    "Request failed; retrying", attempt=failures, retry_after_seconds=pause, message=str(failure)
                )
                if self._stopped.wait(pause):
                    raise
