"""What the spool holds: which records wait, and which file is next. Each file's new lines are counted once.

Of each start of nginx, the file with the lowest numbers is next; first of all one without
any new ones, which was delivered already and only has to be deleted. Only so does the
account know which records of a file have been delivered.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from shipper.account import Account, Amount
from shipper.names import SpoolFile
from shipper.records import Tally
from shipper.spool import Spool, whole_lines


@dataclass
class Waiting:
    """A file, counted up to its last whole line."""

    file: SpoolFile
    tally: Tally
    size: int = 0


class Backlog:
    """The files of the spool at the last look."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._waiting: Mapping[str, Waiting] = {}

    @property
    def spooled(self) -> Amount:
        """The records to deliver, and the bytes of their lines."""
        tallies = [waiting.tally for waiting in self._waiting.values()]
        return Amount(sum(tally.records for tally in tallies), sum(tally.size for tally in tallies), len(tallies))

    def look(self, account: Account) -> bool:
        """Whether anything has changed since the last look; raises ``OSError``."""
        before = {name: waiting.size for name, waiting in self._waiting.items()}
        self._waiting = {waiting.file.name: waiting for waiting in self._found(account)}
        return before != {name: waiting.size for name, waiting in self._waiting.items()}

    def next(self, now: float, *, everything: bool) -> SpoolFile | None:
        """The file to deliver next; ``everything``: although nginx may still append to it."""
        heads = [_head(list(files)) for _, files in groupby(self._by_boot(), lambda each: each.file.boot)]
        due = [each for each in heads if each.file.is_final(now) or (everything and self._is_worth_it(each))]
        return min(due, key=lambda each: each.file.order).file if due else None

    def is_done_with(self, file: SpoolFile, now: float) -> bool:
        """Whether nginx appends to it no more: its slot is over, or it has begun another file."""
        return file.is_final(now) or self._has_later(file)

    def forget(self, file: SpoolFile) -> None:
        """Its records are delivered; what was appended meanwhile is counted by the next look."""
        self._waiting = {name: waiting for name, waiting in self._waiting.items() if name != file.name}

    def _is_worth_it(self, waiting: Waiting) -> bool:
        return waiting.tally.records > 0 or self._has_later(waiting.file)

    def _has_later(self, file: SpoolFile) -> bool:
        others = (waiting.file for waiting in self._waiting.values())
        return any(other.boot == file.boot and other.order > file.order for other in others)

    def _by_boot(self) -> list[Waiting]:
        return sorted(self._waiting.values(), key=lambda each: each.file.boot)

    def _found(self, account: Account) -> Iterator[Waiting]:
        for file in self._spool.files():
            if size := self._spool.size(file):
                yield self._counted(file, size, account)

    def _counted(self, file: SpoolFile, size: int, account: Account) -> Waiting:
        waiting = self._waiting.get(file.name)
        if waiting is None or size < waiting.size:
            waiting = Waiting(file, account.tally_of(file))
        if size > waiting.size:
            with self._spool.opened(file) as descriptor:
                for line in whole_lines(descriptor, waiting.tally.seen, size):
                    waiting.tally.add(line)
            waiting.size = size
        return waiting


def _head(files: list[Waiting]) -> Waiting:
    return min(files, key=lambda each: (each.tally.first, each.file.order))
