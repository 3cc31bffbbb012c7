"""Reads tar as a stream, strictly: regular files and folders with safe paths; anything else is rejected.

Understands ustar, pax (path and size) and GNU long names. Python's own extraction is
not used: its filters have been bypassed (CVE-2025-4517 and others), and ``tarfile``
treats a corrupt header in the middle as the end. It must not write.
"""

import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass

from fetcher.archives.names import split
from fetcher.failures import Invalid, TooLarge
from fetcher.stream import CHUNK, Readable
from outbound.failures import shown

BLOCK = 512
LONGEST_EXTENSION = 1024 * 1024
LONGEST_NUMBER = 19
"""Digits; enough for any size."""
EXTENSIONS = {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}
KINDS = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a character device",
    tarfile.BLKTYPE: "a block device",
    tarfile.FIFOTYPE: "a named pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}


@dataclass(frozen=True)
class Entry:
    """A folder, or a regular file with its content, read once and before the next entry."""

    path: tuple[bytes, ...]
    is_folder: bool
    executable: bool
    content: "Content"


@dataclass(frozen=True)
class Extension:
    """Values of pax or GNU headers for the entry that follows them."""

    name: bytes = b""
    size: int | None = None


class Content:
    """Exactly ``size`` bytes of a stream; raises ``Invalid`` if the stream ends early."""

    def __init__(self, stream: Readable, size: int) -> None:
        self._stream = stream
        self._left = self.size = size

    def chunks(self) -> Iterator[bytes]:
        """The bytes not read yet."""
        while self._left:
            chunk = self._stream.read(min(CHUNK, self._left))
            if not chunk:
                raise Invalid("is truncated: it ends inside a file")
            self._left -= len(chunk)
            yield chunk

    def read(self) -> bytes:
        """All of it at once."""
        return b"".join(self.chunks())

    def skip(self) -> None:
        """Skips the unread bytes and the padding after them."""
        for _ in self.chunks():
            pass
        Content(self._stream, -self.size % BLOCK).read()


def is_tar(head: bytes) -> bool:
    """Whether these first bytes belong to a tar archive (ustar, pax, GNU, or the older form without a name)."""
    return head[257:262] == b"ustar" or _has_checksum(head[:BLOCK])


def _has_checksum(block: bytes) -> bool:
    try:
        return bool(tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape").name)
    except tarfile.HeaderError:
        return False


def entries(stream: Readable, limit_entries: int) -> Iterator[Entry]:
    """All entries, in order; raises ``Invalid`` or ``TooLarge``. Extension headers count as entries, too."""
    extension = Extension()
    for _ in range(limit_entries):
        header = _header(stream)
        if header is None:
            return
        if header.type in EXTENSIONS:
            content = Content(stream, header.size)
            extension = _extended(extension, header, content)
        else:
            entry = _entry(header, extension, stream)
            yield entry
            content, extension = entry.content, Extension()
        content.skip()
    raise TooLarge(f"contains more than the {limit_entries} entries allowed")


def _header(stream: Readable) -> tarfile.TarInfo | None:
    """The next header; None at the archive's end, a block of zeros."""
    block = Content(stream, BLOCK).read()
    if not any(block):
        return None
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise Invalid(f"is corrupt: {error}") from error
    if header.size < 0:
        raise Invalid("is corrupt: a size is negative")
    return header


def _extended(extension: Extension, header: tarfile.TarInfo, content: Content) -> Extension:
    if header.size > LONGEST_EXTENSION:
        raise Invalid("has an oversized header")
    match header.type:
        case tarfile.GNUTYPE_LONGNAME:
            return Extension(content.read().split(b"\0")[0], extension.size)
        case tarfile.XHDTYPE:
            return _pax(content.read(), extension)
        case _:
            return extension


def _pax(records: bytes, extension: Extension) -> Extension:
    """Records are ``LENGTH KEY=VALUE`` and a line feed (POSIX.1-2001, pax)."""
    name, size, at = extension.name, extension.size, 0
    while at < len(records):
        space = records.find(b" ", at, at + LONGEST_NUMBER + 1)
        length = _number(records[at : max(space, at)])
        if not space - at < length <= len(records) - at:
            raise Invalid("is corrupt: invalid pax header")
        key, equals, value = records[space + 1 : at + length - 1].partition(b"=")
        if not equals:
            raise Invalid("is corrupt: invalid pax header")
        if key.startswith(b"GNU.sparse"):
            raise Invalid("contains a sparse file; only regular files and folders are supported")
        name = value if key == b"path" else name
        size = _number(value) if key == b"size" else size
        at += length
    return Extension(name, size)


def _number(digits: bytes) -> int:
    """A decimal number of a pax header."""
    if not digits.isdigit() or len(digits) > LONGEST_NUMBER:
        raise Invalid("is corrupt: invalid pax header")
    return int(digits)


def _entry(header: tarfile.TarInfo, extension: Extension, stream: Readable) -> Entry:
    name = extension.name or os.fsencode(header.name)
    if header.type not in {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE}:
        kind = KINDS.get(header.type, f"an entry of type {header.type!r}")
        raise Invalid(f"contains {kind}, {shown(name)}; only regular files and folders are supported")
    is_folder = header.type == tarfile.DIRTYPE
    size = header.size if extension.size is None else extension.size
    content = Content(stream, 0 if is_folder else size)
    return Entry(split(name), is_folder=is_folder, executable=bool(header.mode & 0o100), content=content)
