"""Exchanges on disk, by number, so that memory hardly grows with what was captured. It must not judge them."""

import os
import tempfile
from array import array
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from replay.exchange import Exchange
from replay.failures import ReplayFailed


class Spool:
    """A file without a name; at most ``largest`` bytes."""

    def __init__(self, folder: Path, largest: int) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by __exit__
        self._offsets = array("Q", [0])
        self._times = array("q")
        self._limit = largest
        self.largest = 0
        """Bytes of the largest exchange."""
        self._decoder = msgspec.msgpack.Decoder(Exchange)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._times)

    def append(self, exchange: Exchange) -> int:
        """Its number; raises ``ReplayFailed`` if there is no room."""
        packed = msgspec.msgpack.encode(exchange)
        end = self._offsets[-1] + len(packed)
        if end > self._limit:
            raise ReplayFailed(f"the records need more than {self._limit >> 20} MiB of disk; use --limit or --max-disk")
        self._file.write(packed)
        self.largest = max(self.largest, len(packed))
        self._offsets.append(end)
        self._times.append(exchange.nanoseconds)
        return len(self._times) - 1

    def settle(self) -> None:
        """Before the first ``get``."""
        self._file.flush()

    def get(self, number: int) -> Exchange:
        """The exchange with this number."""
        start = self._offsets[number]
        return self._decoder.decode(os.pread(self._file.fileno(), self._offsets[number + 1] - start, start))

    def by_time(self) -> Iterator[tuple[int, int]]:
        """Number and time of each, the earliest first; of the same time in the order in which they were appended."""
        for number in sorted(range(len(self._times)), key=self._times.__getitem__):
            yield number, self._times[number]
