"""One delivery, in steps between which the process may be killed.

    1. count the file's whole lines and upload them     the object's name follows from the file's
    2. replace the ledger: counted as shipped           killed before: the same object is uploaded again
    3. delete the file                                  killed before: its numbers are known, nothing is counted twice

It must not decide what is next, nor retry.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shipper.account import Account, SinkState, encode
from shipper.backlog import Backlog
from shipper.failures import REJECTIONS, Undelivered, undelivered
from shipper.ledger import Ledger
from shipper.names import Place, SpoolFile
from shipper.records import Tally
from shipper.sinks.content import Content, Sink
from shipper.spool import Spool, records


@dataclass(frozen=True)
class Parcel:
    """A file whose records were uploaded, or are lost for a reason. ``size`` is what was read of it."""

    file: SpoolFile
    size: int
    tally: Tally
    lost: str = ""

    @property
    def oddities(self) -> dict[str, int]:
        """What is missing or damaged: records, lines, bytes of a last line without its end."""
        tally = self.tally
        found = {"missing": tally.missing, "unreadable": tally.unreadable, "torn_bytes": self.size - tally.seen}
        return {name: count for name, count in found.items() if count}


class Courier:
    """Uploads in one thread (``carry``), and keeps the account in another (``settle``)."""

    def __init__(self, place: Place, spool: Spool, open_sink: Callable[[], Sink]) -> None:
        self._place = place
        self._spool = spool
        self._open_sink = open_sink
        self._sink: Sink | None = None
        self._rejected = ("", 0)  # the object whose content was rejected, and how often

    def carry(self, file: SpoolFile, account: Account) -> Parcel:
        """Uploads the records of a file; raises ``Undelivered``."""
        with _as_spool():
            size = self._spool.size(file) or 0
            tally = account.tally_of(file)
            sum_ = hashlib.md5(usedforsecurity=False)  # sinks check it: no protection, but against damage
            for piece in self._pieces(file, tally, size):
                sum_.update(piece)
        content = Content(tally.size, sum_.digest(), lambda: self._again(file, account, tally, size))
        key = self._place.key(file, tally.first if account.is_late(file) else None)
        return Parcel(file, size, tally, self._put(key, content) if tally.records else "")

    def _put(self, key: str, content: Content) -> str:
        """The reason for which the records are lost; empty if they are stored. A sink that failed is reopened."""
        try:
            self._sink = self._sink or self._open_sink()
            self._sink.put(key, content)
        except Exception as error:
            sink, self._sink = self._sink, None
            if sink:
                sink.close()
            failure = undelivered(error)
            if not self._is_final(key, failure):
                raise failure from error
            return failure.reason
        return ""

    def _is_final(self, key: str, failure: Undelivered) -> bool:
        """Whether the records are lost, so that those behind them are not blocked for good."""
        if not failure.is_about_content:
            return failure.reason == "too_large"
        rejected, times = self._rejected
        self._rejected = (key, times + 1 if key == rejected else 1)
        return self._rejected[1] >= REJECTIONS

    def _pieces(self, file: SpoolFile, tally: Tally, size: int) -> Iterator[bytes]:
        with self._spool.opened(file) as descriptor:
            yield from records(descriptor, tally, size)

    def _again(self, file: SpoolFile, account: Account, expected: Tally, size: int) -> Iterator[bytes]:
        """The same pieces, as long as the file is the same."""
        tally = account.tally_of(file)
        with _as_spool():
            for piece in self._pieces(file, tally, size):
                if tally.size > expected.size:
                    break
                yield piece
        if tally != expected:
            raise Undelivered("spool")


class Books:
    """The account, on disk and in memory."""

    def __init__(self, account: Account, ledger: Ledger, spool: Spool, backlog: Backlog) -> None:
        self.account = account
        self._ledger = ledger
        self._spool = spool
        self._backlog = backlog

    def write(self, sink: SinkState, *, durably: bool = False) -> None:
        """Replaces the ledger; raises ``OSError``."""
        self._ledger.save(encode(self.account, self._backlog.spooled, sink), durably=durably)

    def settle(self, parcel: Parcel, sink: SinkState, now: float) -> None:
        """Counts a parcel and deletes its file; raises ``OSError``, and then has counted nothing."""
        file = parcel.file
        is_done = self._backlog.is_done_with(file, now)
        if parcel.tally.records:
            before = self.account
            self.account = before.delivered(file, parcel.tally, parcel.lost)
            self._backlog.forget(file)
            try:
                self.write(sink, durably=True)
            except OSError:
                self.account = before
                raise
        if self._spool.size(file) == parcel.size and is_done:
            self._spool.remove(file)
        self._ledger.reserve()


@contextmanager
def _as_spool() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Undelivered("spool") from error
