"""An artifact's bytes -> files below one folder; formats are detected by content.

It must not make anything visible, nor download.
"""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote, urlsplit

from fetcher.archives import tars, zips
from fetcher.archives.formats import PACKING, check_encoding, check_file
from fetcher.archives.inflate import Inflated, member_for
from fetcher.failures import Invalid
from fetcher.settings import Settings
from fetcher.stream import CHUNK, Readable, Source, ahead
from fetcher.volume.budget import Budget
from fetcher.volume.partial import PartialDownload
from fetcher.volume.tree import Tree


@dataclass(frozen=True)
class Unpacker:
    """Where an artifact is unpacked, within which limits."""

    tree: Tree
    budget: Budget
    settings: Settings
    partial: PartialDownload | None = None
    encoding: str = ""

    def unpack(self, source: Source) -> None:
        """Unpacks archives; copies anything else unchanged under its own name. Raises a ``Failure``."""
        head = source.head(CHUNK)
        name = file_name(self.settings.artifact)
        kind = member_for(head)
        if tars.is_tar(head):
            with ahead(source) as stream:
                self._untar(stream)
        elif kind and tars.is_tar(_inflated_head(head, self.settings.limit_ratio)):
            with ahead(source) as packed, ahead(Inflated(packed, kind, self.settings.limit_ratio)) as stream:
                self._untar(stream)
        elif zips.is_zip(head) and _may_be_unzipped(name):
            self._unzip(source)
        else:
            check_encoding(self.encoding, os.fsencode(name))
            check_file(head, name)
            self.put((os.fsencode(name),), iter(lambda: source.read(CHUNK), b""))
        if not self.tree.files:
            raise Invalid(f"contains no files; {PACKING}")

    def put(self, path: tuple[bytes, ...], chunks: Iterator[bytes | memoryview]) -> None:
        """Writes one file of unknown length."""
        self.tree.write(path, self._taken(chunks), executable=False)

    def _taken(self, chunks: Iterator[bytes | memoryview]) -> Iterator[bytes | memoryview]:
        for chunk in chunks:
            self.budget.take(len(chunk))
            yield chunk

    def _untar(self, stream: Readable) -> None:
        for entry in tars.entries(stream, self.settings.limit_entries):
            if entry.is_folder:
                self.tree.make_folder(entry.path)
            else:
                self.budget.take(entry.content.size)
                self.tree.write(entry.path, entry.content.chunks(), executable=entry.executable)
        while stream.read(CHUNK):
            pass

    def _unzip(self, source: Source) -> None:
        with self._packed(source) as file:
            archive = zips.Zip(file, source.count)
            for item in archive.items(self.settings.limit_entries):
                path = zips.path_of(item)
                if item.is_folder:
                    self.tree.make_folder(path)
                    continue
                self.budget.take(item.size)
                content = archive.content(item, self.settings.limit_ratio)
                self.tree.write(path, content, executable=bool(item.mode & 0o100))

    @contextmanager
    def _packed(self, source: Source) -> Iterator[int]:
        """The whole artifact as a file: the cached partial download, else an unlinked file."""
        partial = self.partial
        if partial and partial.alive:
            self.budget.need_packed()
            source.drain()
            if not partial.alive:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            file = partial.whole()
        else:
            file = _nameless(self.tree.root.parent)
        try:
            with open(file, "wb", closefd=False) as writer:
                writer.writelines(self._taken(iter(lambda: source.read(CHUNK), b"")))
            yield file
        finally:
            os.close(file)


def file_name(url: str) -> str:
    """The last part of the URL's path; ``artifact`` if that is not a file name."""
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    return name if name not in {"", ".", ".."} and "/" not in name and "\0" not in name else "artifact"


def _may_be_unzipped(name: str) -> bool:
    """Not formats that use zip internally but are read as one file: .pt, .keras, .npz, .mar, .jar."""
    return Path(name).suffix.lower() in {"", ".zip"}


def _inflated_head(head: bytes, limit_ratio: int) -> bytes:
    """The first inflated bytes of a compressed file; the first members may be empty."""
    kind, found = member_for(head), b""
    if not kind:
        return found
    stream = Inflated(BytesIO(head), kind, limit_ratio)
    with suppress(Invalid):
        while len(found) < tars.BLOCK and (more := stream.read(tars.BLOCK - len(found))):
            found += more
    return found


def _nameless(folder: Path) -> int:
    """An unlinked file, gone once it is closed. A kill between creating and unlinking leaves it to the next sweep."""
    file, name = tempfile.mkstemp(prefix=".staging-", dir=folder)
    os.unlink(name)  # noqa: PTH108 - mkstemp's
    return file
