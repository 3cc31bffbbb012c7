"""The shipper's loop: look at the spool, deliver one file at a time, retry, and drain when it is stopped.

Deliveries run in a thread, so that the ledger stays current while a sink is slow, and
the end comes in time while one hangs. Everything else happens in the main thread.
"""

import random
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Literal

from outbound import log
from shipper.account import SinkState
from shipper.backlog import Backlog
from shipper.backoff import Backoff
from shipper.courier import Books, Courier, Parcel
from shipper.failures import Undelivered, undelivered
from shipper.names import SpoolFile
from shipper.settings import Settings

Event = Literal["stop"] | Parcel | Undelivered


class Shipping:
    """Runs until it is stopped, and then for at most ``drain_seconds``."""

    def __init__(self, settings: Settings, courier: Courier, books: Books, backlog: Backlog) -> None:
        self._settings = settings
        self._courier = courier
        self._books = books
        self._backlog = backlog
        self._events = SimpleQueue[Event]()  # put() may be called by a signal handler
        self._sink = SinkState()
        self._backoff = Backoff(settings.pause_seconds)
        self._busy = False
        self._retry_at = self._looked = self._changed = 0.0
        self._ends_at: float | None = None

    def stop(self) -> None:
        """May be called by a signal handler."""
        self._events.put("stop")

    def run(self) -> None:
        """Returns once everything is delivered after the stop, or the time is over."""
        while not self._is_over():
            self._tried(self._look)
            self._start()
            self._wait()
        self._tried(self._look, at_once=True)
        self._summarize()

    @property
    def _is_stopping(self) -> bool:
        return self._ends_at is not None

    @property
    def _look_seconds(self) -> float:
        settings = self._settings
        return min(settings.look_seconds, settings.quiet_seconds / 4) if self._is_stopping else settings.look_seconds

    def _is_over(self) -> bool:
        """Nginx is gone once the spool has been quiet for some time."""
        now = time.monotonic()
        if self._ends_at is None or now >= self._ends_at:
            return self._ends_at is not None
        is_quiet = now - self._changed >= self._settings.quiet_seconds
        return is_quiet and not self._busy and not self._backlog.spooled.records

    def _look(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if not at_once and now - self._looked < self._look_seconds:
            return
        self._looked = now
        if self._backlog.look(self._books.account):
            self._changed = now
        self._books.write(self._sink)

    def _start(self) -> None:
        if self._busy or time.monotonic() < self._retry_at:
            return
        file = self._backlog.next(time.time(), everything=self._is_stopping)
        if file:
            self._busy = True
            threading.Thread(target=self._deliver, args=(file,), daemon=True).start()

    def _deliver(self, file: SpoolFile) -> None:
        """In a thread of its own."""
        try:
            self._events.put(self._courier.carry(file, self._books.account))
        except Exception as error:  # noqa: BLE001 - a traceback could reveal part of a Secret
            self._events.put(undelivered(error))

    def _wait(self) -> None:
        now = time.monotonic()
        times = [self._looked + self._look_seconds, self._ends_at or now + self._look_seconds]
        if not self._busy and self._retry_at > now:
            times.append(self._retry_at)
        try:
            event = self._events.get(timeout=max(0.0, min(times) - now))
        except Empty:
            return
        match event:
            case "stop":
                self._drain()
            case Parcel():
                self._busy = False
                self._tried(lambda: self._settle(event))
            case Undelivered():
                self._busy = False
                self._failed(event)

    def _drain(self) -> None:
        """The sink gets another chance at once."""
        if not self._is_stopping:
            log.info("Shipper is draining", seconds=self._settings.drain_seconds)
            self._ends_at = time.monotonic() + self._settings.drain_seconds
            self._changed = time.monotonic()
            self._backoff, self._retry_at = Backoff(self._settings.pause_seconds), 0.0

    def _settle(self, parcel: Parcel) -> None:
        state = SinkState(ok=not parcel.lost, reason=parcel.lost)
        self._books.settle(parcel, state, time.time())
        self._backoff, self._retry_at = Backoff(self._settings.pause_seconds), 0.0
        self._report(state, Undelivered(parcel.lost) if parcel.lost else None)
        if parcel.lost:
            log.warning("Records are lost", reason=parcel.lost, records=parcel.tally.records, file=parcel.file.name)
        if parcel.oddities:
            log.warning("Spool file is incomplete", file=parcel.file.name, **parcel.oddities)

    def _tried(self, step: Callable[..., None], **options: bool) -> None:
        """Failures of the spool itself are retried like those of the sink."""
        try:
            step(**options)
        except OSError as error:
            self._failed(Undelivered("spool", code=type(error).__name__))

    def _failed(self, failure: Undelivered) -> None:
        self._backoff = self._backoff.failed()
        share = random.random()  # noqa: S311 - spreads retries, protects nothing
        self._retry_at = time.monotonic() + self._backoff.pause(share, failure.pause)
        self._report(SinkState(ok=False, reason=failure.reason), failure)

    def _report(self, state: SinkState, failure: Undelivered | None) -> None:
        """One line for each change."""
        if state != self._sink:
            if failure:
                log.warning("Failed to deliver captured traffic; retrying", **failure.facts)
            else:
                log.info("Captured traffic is delivered again")
            self._sink = state

    def _summarize(self) -> None:
        account, left = self._books.account, self._backlog.spooled.records
        lost = {**account.lost, **({"terminated": left} if left else {})}
        log.info(
            "Shipper stopped",
            instance=self._settings.instance,
            shipped=account.shipped.records,
            lost=lost,
            sink=self._sink.reason or "ok",
        )
