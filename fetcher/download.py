"""An opened source -> its bytes, in order: by several streams if possible, resuming from the cached partial download.

It must not know formats, nor where the source is.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from fetcher.artifact import Opened, Part, Parts, Piece, pieces
from fetcher.concurrency import Concurrency
from fetcher.network.web import Web
from fetcher.parallel import Parallel, RetryPolicy
from fetcher.report import Progress
from fetcher.settings import Settings
from fetcher.volume.budget import Budget
from fetcher.volume.partial import PartialDownload

Chunks = Iterator[bytes | memoryview]


@dataclass(frozen=True)
class File:
    """One object: its path in a folder, its size where known, its content, to be read once and in order."""

    path: bytes
    size: int | None
    chunks: Chunks


@dataclass(frozen=True)
class Downloader:
    """Downloads an artifact."""

    web: Web
    settings: Settings
    budget: Budget
    progress: Progress
    partial: PartialDownload | None = None

    @contextmanager
    def files(self, opened: Opened) -> Iterator[Iterator[File]]:
        """The source's objects, in order; chunks are valid until the next one is requested."""
        self.progress.begin(opened.size)
        if not isinstance(opened, Parts):
            try:
                yield iter([File(b"", opened.size, self.progress.counted(opened.chunks))])
            finally:
                self.web.end()
            return
        retry = RetryPolicy(self.settings.attempts, self.settings.pause_seconds)
        parallel = Parallel(
            pieces(opened.parts), self._fill, retry=retry, concurrency=Concurrency(self.settings.streams)
        )
        try:
            yield _by_part(opened.parts, parallel.read(), self.progress)
        finally:
            parallel.close()
            self.web.end()
            parallel.join()

    def _fill(self, piece: Piece, buffer: memoryview) -> None:
        partial = self.partial
        if partial and partial.fill(piece, buffer):
            return
        piece.part.fill(piece.start, buffer)
        if partial and partial.alive:
            if self.budget.leaves(piece.size):
                partial.keep(piece, buffer)
            else:
                partial.drop()


def _by_part(parts: Sequence[Part], read: Iterator[tuple[Piece, memoryview]], progress: Progress) -> Iterator[File]:
    for part in parts:
        yield File(part.path, part.size, progress.counted(_chunks(part.size, read)))


def _chunks(size: int, read: Iterator[tuple[Piece, memoryview]]) -> Chunks:
    while size > 0:
        piece, chunk = next(read)
        size -= piece.size
        yield chunk


def identity(settings: Settings, opened: Parts) -> str:
    """Differs whenever any piece could differ."""
    facts = hashlib.sha256(settings.artifact.encode())
    for part in opened.parts:
        facts.update(repr((part.path, part.size, part.validator)).encode())
    return facts.hexdigest()
