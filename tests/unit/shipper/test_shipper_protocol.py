"""Any history of nginx and the shipper, killed at any step: the account is exact, and each record is in one object.

nginx: write, tear, lose, begin a file, restart       shipper: deliver, with a crash before any of its effects
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from shipper.account import Account, SinkState, decode
from shipper.backlog import Backlog
from shipper.courier import Books, Courier
from shipper.failures import REJECTIONS, Undelivered
from shipper.ledger import Ledger
from shipper.names import Place, SpoolFile
from shipper.sinks.content import Content
from shipper.spool import Spool
from tests.unit.shipper.writing import Writer

STEPS = 8
"""More effects than one delivery has."""


class Crash(BaseException):
    """The process is killed."""


@dataclass
class Fuse:
    """Burns down by one with each effect; then the process is killed before the next."""

    left: int | None

    def burn(self) -> None:
        if self.left is not None:
            if not self.left:
                raise Crash
            self.left -= 1


@dataclass
class Objects:
    """A sink that holds its objects in memory, and may be killed before or after it stores one."""

    fuse: Fuse
    content: dict[str, bytes] = field(default_factory=dict)
    reason: str = ""

    def put(self, key: str, content: Content) -> None:
        if self.reason:
            raise Undelivered(self.reason, status=422 if self.reason == "rejected" else 0)
        body = b"".join(content.pieces())
        assert len(body) == content.size
        self.fuse.burn()
        self.content[key] = body
        self.fuse.burn()

    def close(self) -> None:
        """Nothing is open."""


class FusedSpool(Spool):
    def __init__(self, path: Path, fuse: Fuse) -> None:
        super().__init__(path)
        self._fuse = fuse

    def remove(self, file: SpoolFile) -> None:
        self._fuse.burn()
        super().remove(file)
        self._fuse.burn()


class FusedLedger(Ledger):
    def __init__(self, folder: Path, fuse: Fuse) -> None:
        super().__init__(folder)
        self._fuse = fuse

    def save(self, text: bytes, *, durably: bool) -> None:
        self._fuse.burn()
        super().save(text, durably=durably)
        self._fuse.burn()


class Shipper:
    """One process of the shipper, from its start."""

    def __init__(self, folder: Path, objects: Objects) -> None:
        ledger = FusedLedger(folder, objects.fuse)
        text = ledger.load()
        self.spool = FusedSpool(folder, objects.fuse)
        self.backlog = Backlog(self.spool)
        self.books = Books(decode(text) if text else Account(), ledger, self.spool, self.backlog)
        self.courier = Courier(Place("titanic", "main", "pod"), self.spool, lambda: objects)

    def deliver(self, now: float, *, everything: bool, meanwhile: Callable[[], None]) -> bool:
        """Whether there was anything to deliver."""
        self.backlog.look(self.books.account)
        file = self.backlog.next(now, everything=everything)
        if file:
            parcel = self.courier.carry(file, self.books.account)
            meanwhile()
            self.books.settle(parcel, SinkState(), now)
        return file is not None


class Protocol(RuleBasedStateMachine):
    """nginx, the shipper and the sink."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = Path(self.scratch.name)
        self.objects = Objects(Fuse(None))
        self.writers = [Writer(self.folder)]
        self.lost = 0
        self.pending = 0
        self.shipper = Shipper(self.folder, self.objects)

    def teardown(self) -> None:
        self.finish()
        self.scratch.cleanup()

    @property
    def writer(self) -> Writer:
        return self.writers[-1]

    @property
    def written(self) -> list[bytes]:
        return [each for writer in self.writers for each in writer.written]

    @initialize(records=st.integers(0, 3))
    def begin(self, records: int) -> None:
        self.write(records)

    @rule(records=st.integers(1, 5))
    def write(self, records: int) -> None:
        self.writer.write(records)
        if records:
            self.lost, self.pending = self.lost + self.pending, 0

    @rule()
    def lose_a_number(self) -> None:
        self.writer.lose()
        self.pending += 1

    @rule()
    def tear_a_line(self) -> None:
        self.writer.tear()

    @rule()
    def begin_a_slot(self) -> None:
        self.writer.next_slot()

    @rule()
    def step_the_clock_back(self) -> None:
        """To slots whose names are lower than all before."""
        self.writer.slot, self.writer.number = min(writer.slot for writer in self.writers) - 10_000, -1

    @rule()
    def restart_nginx(self) -> None:
        self.pending = 0
        self.writers.append(Writer(self.folder, slot=self.writer.slot))

    @rule(late=st.sampled_from([-100, 0, 100]), records=st.integers(0, 2), steps=st.integers(0, STEPS) | st.none())
    def deliver(self, late: int, records: int, steps: int | None) -> None:
        """nginx appends to its file while it is delivered, although it is final by the shipper's clock."""
        self.objects.fuse.left = steps
        with suppress(Crash):
            self.step(late=late, meanwhile=lambda: self.write(records))
        if self.objects.fuse.left is not None:
            self.restart()

    @rule(everything=st.booleans())
    def drain(self, *, everything: bool) -> None:
        while self.step(late=0, everything=everything):
            pass

    @rule(reason=st.sampled_from(["denied", "unreachable"]))
    def fail_once(self, reason: str) -> None:
        self.objects.reason = reason
        with suppress(Undelivered):
            self.step(late=100)
        self.objects.reason = ""

    @rule(records=st.integers(0, 2))
    def reject_a_file_for_good(self, records: int) -> None:
        """nginx appends to it before it is given up."""
        self.objects.reason = "rejected"
        for _ in range(REJECTIONS):
            with suppress(Undelivered):
                self.step(late=100, meanwhile=lambda: self.write(records))
        self.objects.reason = ""

    @rule()
    def restart(self) -> None:
        self.objects.fuse.left = None
        self.shipper = Shipper(self.folder, self.objects)

    def step(self, *, late: int, everything: bool = False, meanwhile: Callable[[], None] = lambda: None) -> bool:
        now = self.writer.slot + late
        return self.shipper.deliver(now, everything=everything, meanwhile=meanwhile)

    @invariant()
    def the_account_is_exact(self) -> None:
        shipper = Shipper(self.folder, self.objects)
        shipper.backlog.look(shipper.books.account)
        account = shipper.books.account
        assert len(self.written) == account.shipped.records + shipper.backlog.spooled.records + self.rejected
        assert account.lost.get("missing", 0) <= self.lost
        assert len(self.delivered()) >= account.shipped.records

    @invariant()
    def no_record_is_in_two_objects(self) -> None:
        assert max(Counter(self.delivered()).values(), default=1) == 1
        assert set(self.delivered()) <= set(self.written)

    @property
    def rejected(self) -> int:
        """Records that are lost because of their content."""
        text = Ledger(self.folder).load()
        return decode(text).lost.get("rejected", 0) if text else 0

    def delivered(self) -> list[bytes]:
        return [each for content in self.objects.content.values() for each in content.splitlines(keepends=True)]

    def finish(self) -> None:
        """Everything is delivered in the end, and once."""
        self.restart()
        while self.step(late=1_000_000):
            pass
        account = self.shipper.books.account
        assert account.shipped.records == len(self.written) - self.rejected
        assert len(self.delivered()) >= account.shipped.records
        if not self.rejected:
            assert sorted(self.written) == sorted(self.delivered())
            assert account.shipped.bytes == sum(map(len, self.written))
        assert account.lost.get("missing", 0) == self.lost
        assert list(self.left()) == []

    def left(self) -> Iterator[Path]:
        return self.folder.glob("*.jsonl")


TestProtocol = Protocol.TestCase
TestProtocol.settings = settings(max_examples=80, stateful_step_count=25, deadline=None)
