"""One attempt: opens the source, reads it, verifies it, fills a hidden folder.

It must not retry, nor make anything visible.
"""

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fetcher.archives.names import split
from fetcher.artifact import Opened, Parts
from fetcher.download import Downloader, File, identity
from fetcher.failures import DigestMismatch, Invalid, TooLarge
from fetcher.network.web import Web
from fetcher.report import Progress
from fetcher.settings import Settings
from fetcher.sources import open_source, web_for
from fetcher.stream import CHUNK, Source
from fetcher.unpack import Unpacker
from fetcher.volume.budget import Budget
from fetcher.volume.partial import PartialDownload, open_partial, remove_partial
from fetcher.volume.tree import Tree
from outbound import log
from outbound.credentials import read_credentials
from outbound.failures import public


@dataclass(frozen=True)
class Attempt:
    """What one attempt needs."""

    settings: Settings
    progress: Progress

    def fill(self, staging: Path) -> str:
        """Unpacks into the folder and returns the digest; raises a ``Failure``."""
        credentials = read_credentials(self.settings.credentials)
        web = web_for(self.settings, credentials)
        with closing(web):
            return self._fill(web, open_source(web, self.settings, credentials), staging)

    def _fill(self, web: Web, opened: Opened, staging: Path) -> str:
        self._check_size(opened)
        with self._partial(opened) as partial:
            budget = Budget(self.settings.limit_bytes, self.settings.limit_entries, partial)
            with Tree(staging, budget) as tree:
                downloader = Downloader(web, self.settings, budget, self.progress, partial)
                unpacker = Unpacker(tree, budget, self.settings, partial, opened.encoding)
                with downloader.files(opened) as files:
                    log.info("Download started", artifact=public(self.settings.artifact), bytes=opened.size)
                    digest = self._take(files, unpacker, is_folder=isinstance(opened, Parts) and opened.is_folder)
                tree.settle()
        log.info("Artifact unpacked", bytes=self.progress.bytes, digest=digest, rate=self.progress.rate)
        return digest

    @contextmanager
    def _partial(self, opened: Opened) -> Iterator[PartialDownload | None]:
        """Only sources with random access can be resumed."""
        partial = self._open_partial(opened)
        try:
            yield partial
        except (Invalid, TooLarge, DigestMismatch):
            if partial:
                partial.drop()  # a retry should not resume a rejected artifact
            raise
        finally:
            if partial:
                partial.close()

    def _open_partial(self, opened: Opened) -> PartialDownload | None:
        volume = self.settings.volume
        if not self.settings.keep_partial or not isinstance(opened, Parts):
            remove_partial(volume)
            return None
        try:
            partial = open_partial(volume, identity(self.settings, opened))
        except OSError as error:
            log.warning("Cannot cache the partial download; it cannot be resumed after a restart", message=str(error))
            return None
        if partial.kept:
            log.info("Resuming from the cached partial download", bytes=partial.kept)
        return partial

    def _check_size(self, opened: Opened) -> None:
        if (opened.size or 0) > self.settings.limit_bytes:
            raise TooLarge(
                f"{public(self.settings.artifact)} is larger than the {self.settings.limit_bytes} bytes allowed; "
                "increase `size`"
            )

    def _take(self, files: Iterator[File], unpacker: Unpacker, *, is_folder: bool) -> str:
        try:
            if is_folder:
                return self._take_folder(files, unpacker)
            return self._take_file(next(files), unpacker)
        except (Invalid, TooLarge) as failure:
            raise type(failure)(f"{public(self.settings.artifact)} {failure}") from failure

    def _take_file(self, file: File, unpacker: Unpacker) -> str:
        source = Source(file.chunks, self.settings.limit_bytes)
        try:
            unpacker.unpack(source)
        except Invalid:
            if self.settings.digest:
                source.drain()
                self._check(source.digest)
            raise
        self._check(source.digest)
        return source.digest

    def _take_folder(self, files: Iterator[File], unpacker: Unpacker) -> str:
        """The digest is that of what ``sha256sum`` prints for all files, in the order of their paths."""
        lines = hashlib.sha256()
        for file in files:
            source = Source(file.chunks, self.settings.limit_bytes)
            unpacker.put(split(file.path), iter(lambda: source.read(CHUNK), b""))  # noqa: B023 - used at once
            lines.update(f"{source.digest.removeprefix('sha256:')}  ".encode() + file.path + b"\n")
        if not unpacker.tree.files:
            raise Invalid("contains no files")
        digest = f"sha256:{lines.hexdigest()}"
        self._check(digest)
        return digest

    def _check(self, digest: str) -> None:
        """Checked before errors inside the archive are reported: a wrong artifact needs no further explanation."""
        if self.settings.digest and digest != self.settings.digest:
            raise DigestMismatch(
                f"{public(self.settings.artifact)} has digest {digest}, expected {self.settings.digest}: "
                "the artifact changed, or the model's artifactDigest is wrong"
            )
