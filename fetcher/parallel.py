"""Pieces read by several streams at a time, given out in order, in bounded memory.

    threads: fill ──> ready (at most WINDOW pieces, with those being filled) ──> one reader, in order

A piece is begun only when the reader is less than WINDOW pieces behind it, so the one
that the reader waits for is always among those being filled. It must not know where
bytes come from.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fetcher.artifact import PIECE, Piece
from fetcher.failures import Changed, DownloadFailed, Interrupted, Overloaded
from fetcher.pace import Pace

WINDOW = 20
"""Pieces in memory, at most."""
MEASURE_SECONDS = 0.25


@dataclass(frozen=True)
class Patience:
    """How often a piece is asked for, and how long to wait after the first failure; then twice as long."""

    attempts: int
    pause_seconds: float


Fill = Callable[[Piece, memoryview], None]


@dataclass
class Desk:
    """What the threads share, under one lock."""

    pieces: Iterator[Piece]
    begun: int = 0
    taken: int = 0
    active: int = 0
    ended: bool = False
    failure: Exception | None = None
    ready: dict[int, tuple[Piece, bytearray]] = field(default_factory=dict)
    spare: list[bytearray] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)


class Meter:
    """Tells the pace how fast the reader is served."""

    def __init__(self, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._clock = clock
        self._since, self._bytes = clock(), 0
        self.starved = False

    def count(self, size: int) -> None:
        """So many bytes more were taken."""
        self._bytes += size
        passed = self._clock() - self._since
        if passed >= MEASURE_SECONDS:
            self._pace.measured(self._bytes / passed, starved=self.starved)
            self._since, self._bytes, self.starved = self._clock(), 0, False


class Parallel:
    """Reads pieces ahead."""

    def __init__(self, pieces: Iterator[Piece], fill: Fill, *, patience: Patience, pace: Pace) -> None:
        self._desk = Desk(pieces)
        self._fill = fill
        self._patience = patience
        self._pace = pace
        self._threads: list[threading.Thread] = []
        self._stopped = threading.Event()

    def read(self) -> Iterator[tuple[Piece, memoryview]]:
        """Each piece with its bytes, which are valid until the next is asked for; raises what ``fill`` raised."""
        meter = Meter(self._pace)
        while (found := self._next(meter)) is not None:
            piece, buffer = found
            yield piece, memoryview(buffer)[: piece.size]
            meter.count(piece.size)
            with self._desk.changed:
                self._desk.spare.append(buffer)

    def close(self) -> None:
        """Begins no further piece; ``join`` waits for those under way."""
        self._stopped.set()
        with self._desk.changed:
            self._desk.ended = True
            self._desk.changed.notify_all()

    def join(self) -> None:
        """Waits until every thread has ended."""
        for thread in self._threads:
            thread.join()

    def _next(self, meter: "Meter") -> tuple[Piece, bytearray] | None:
        desk = self._desk
        with desk.changed:
            self._staff()
            while desk.taken not in desk.ready:
                if desk.failure:
                    raise desk.failure
                if desk.ended and desk.taken == desk.begun:
                    return None
                meter.starved = True
                desk.changed.wait(MEASURE_SECONDS)
                self._staff()
            found = desk.ready.pop(desk.taken)
            desk.taken += 1
            desk.changed.notify_all()
            return found

    def _staff(self) -> None:
        """As many threads as the pace wants; what is above it idles."""
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
                with desk.changed:
                    desk.failure = desk.failure or error
                    desk.ended = True
                    desk.changed.notify_all()
                return
            with desk.changed:
                desk.active -= 1
                desk.ready[number] = piece, buffer
                desk.changed.notify_all()

    def _begin(self) -> tuple[int, Piece, bytearray] | None:
        """The next piece's number, the piece and its buffer; None when there is nothing left to begin."""
        desk = self._desk
        with desk.changed:
            while not desk.ended and (desk.begun - desk.taken >= WINDOW - 1 or desk.active >= self._pace.streams):
                desk.changed.wait()
            piece = None if desk.ended else next(desk.pieces, None)
            if piece is None:
                desk.ended = True
                desk.changed.notify_all()
                return None
            number, desk.begun, desk.active = desk.begun, desk.begun + 1, desk.active + 1
            return number, piece, desk.spare.pop() if desk.spare else bytearray(PIECE)

    def _persist(self, piece: Piece, buffer: memoryview) -> None:
        """Fills it, trying again after interruptions."""
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
                if self._stopped.wait(pause):
                    raise
