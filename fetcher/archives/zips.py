"""Reads zip files, strictly, from a file with random access: the directory at the end lists the entries.

The directory is trusted only if everything else agrees with it: each entry's own header,
length and checksum; and no two entries may share bytes, as in decompression bombs.
Format: PKWARE APPNOTE 6.3.10. It must not write.
"""

import os
import stat
import struct
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from fetcher.archives.inflate import ERRORS, RATIO_FREE, fast
from fetcher.archives.names import split
from fetcher.failures import Invalid, TooLarge
from fetcher.stream import CHUNK
from outbound.failures import shown

LOCAL = struct.Struct("<4s5H3L2H")
CENTRAL = struct.Struct("<4s6H3L5H2L")
END = struct.Struct("<4s4H2LH")
LOCATOR = struct.Struct("<4sLQL")
END64 = struct.Struct("<4sQ2H2L4Q")
MAGICS = (b"PK\3\4", b"PK\5\6")
LONGEST_COMMENT = 0xFFFF
MAX16, MAX32 = 0xFFFF, 0xFFFFFFFF
ENCRYPTED, UTF8 = 0x2041, 0x800
STORED, DEFLATED = 0, 8
UNIX = 3


@dataclass(frozen=True)
class Directory:
    """Position of the directory, and its number of entries."""

    start: int
    stop: int
    count: int


@dataclass(frozen=True)
class Item:
    """An entry in the directory."""

    name: bytes
    flags: int
    method: int
    checksum: int
    packed: int
    size: int
    header: int
    mode: int

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, by its name or its mode."""
        return self.name.endswith(b"/") or stat.S_ISDIR(self.mode)


@dataclass(frozen=True)
class Zip:
    """An open zip file of ``size`` bytes."""

    file: int
    size: int

    def items(self, limit_entries: int) -> Iterator[Item]:
        """All entries, in the directory's order; raises ``Invalid`` or ``TooLarge``, if possible before the first."""
        directory = self._directory()
        if directory.count > limit_entries:
            raise TooLarge(f"contains more than the {limit_entries} entries allowed")
        self._check_apart(directory)
        yield from self._listed(directory)

    def content(self, item: Item, limit_ratio: int) -> Iterator[bytes]:
        """An entry's bytes, checked against its size and checksum; raises ``Invalid``."""
        checksum, count = 0, 0
        chunks = self._packed(self._data(item), item.packed)
        for chunk in chunks if item.method == STORED else _inflated(chunks, item):
            count += len(chunk)
            checksum = fast.crc32(chunk, checksum)
            if count > item.size:
                break
            if count > max(RATIO_FREE, item.packed * limit_ratio):
                raise Invalid(f"unpacks to more than {limit_ratio} times its size, as decompression bombs do")
            yield chunk
        if count != item.size or checksum != item.checksum:
            raise Invalid(f"is corrupt: {shown(item.name)} does not match the directory")

    def _directory(self) -> Directory:
        length = min(self.size, END.size + LONGEST_COMMENT)
        tail = self._read(self.size - length, length)
        at = tail.rfind(b"PK\5\6")
        if at < 0 or at + END.size > length:
            raise Invalid("is truncated: its directory is missing")
        _, disk, first_disk, here, count, size, start, comment = END.unpack_from(tail, at)
        end = self.size - length + at
        if end + END.size + comment != self.size:
            raise Invalid("is corrupt: there is data after its end")
        if MAX16 in {here, count} or MAX32 in {size, start}:
            return self._directory64(end)
        return _whole(Directory(start, start + size, count), end=end, disks=(disk, first_disk), here=here)

    def _directory64(self, end: int) -> Directory:
        magic, disk, start64, _ = LOCATOR.unpack(self._read(end - LOCATOR.size, LOCATOR.size))
        if magic != b"PK\6\7":
            raise Invalid("is corrupt: invalid directory")
        fields = END64.unpack(self._read(start64, END64.size))
        magic, _, _, _, this_disk, first_disk, here, count, size, start = fields
        if magic != b"PK\6\6":
            raise Invalid("is corrupt: invalid directory")
        return _whole(
            Directory(start, start + size, count), end=start64, disks=(disk | this_disk, first_disk), here=here
        )

    def _listed(self, directory: Directory) -> Iterator[Item]:
        at = directory.start
        for _ in range(directory.count):
            fixed = CENTRAL.unpack(self._within(at, CENTRAL.size, directory.stop))
            lengths = fixed[10], fixed[11], fixed[12]
            variable = self._within(at + CENTRAL.size, sum(lengths), directory.stop)
            yield _item(fixed, variable[: lengths[0]], variable[lengths[0] : lengths[0] + lengths[1]])
            at += CENTRAL.size + sum(lengths)
        if at != directory.stop:
            raise Invalid("is corrupt: its directory is longer than its entries")

    def _check_apart(self, directory: Directory) -> None:
        """No two entries may share bytes with each other or with the directory (as in Fifield's bombs)."""
        found = array("Q")
        stops = array("Q")
        for item in self._listed(directory):
            found.append(item.header)
            stops.append(item.header + LOCAL.size + len(item.name) + item.packed)
        order = sorted(range(len(found)), key=found.__getitem__)
        for before, after in pairwise(order):
            if stops[before] > found[after]:
                raise Invalid("contains overlapping entries, as decompression bombs do")
        if order and stops[order[-1]] > directory.start:
            raise Invalid("is corrupt: an entry overlaps the directory")

    def _data(self, item: Item) -> int:
        """The offset of an entry's bytes, by its own header, which must agree with the directory."""
        magic, _, flags, method, _, _, _, _, _, name, extra = LOCAL.unpack(self._read(item.header, LOCAL.size))
        agrees = magic == b"PK\3\4" and method == item.method and flags & ENCRYPTED == 0
        if not agrees or self._read(item.header + LOCAL.size, name) != item.name:
            raise Invalid(f"is corrupt: {shown(item.name)} does not match the directory")
        return int(item.header + LOCAL.size + name + extra)

    def _packed(self, start: int, size: int) -> Iterator[bytes]:
        while size:
            chunk = self._read(start, min(size, CHUNK))
            start, size = start + len(chunk), size - len(chunk)
            yield chunk

    def _within(self, start: int, size: int, stop: int) -> bytes:
        if start + size > stop:
            raise Invalid("is corrupt: its directory is shorter than its entries")
        return self._read(start, size)

    def _read(self, start: int, size: int) -> bytes:
        found = os.pread(self.file, size, start) if 0 <= start <= self.size else b""
        if len(found) != size:
            raise Invalid("is truncated or corrupt: an offset is out of range")
        return found


def is_zip(head: bytes) -> bool:
    """Whether these first bytes belong to a zip file."""
    return head.startswith(MAGICS)


def _whole(directory: Directory, *, end: int, disks: tuple[int, int], here: int) -> Directory:
    """The directory, if valid: on one disk, and directly before the end record."""
    if disks != (0, 0) or here != directory.count:
        raise Invalid("is part of a multi-part archive, which is not supported")
    if directory.stop != end:
        raise Invalid("is corrupt: its directory is misplaced")
    return directory


def _item(fixed: tuple[bytes | int, ...], name: bytes, extra: bytes) -> Item:
    magic, made_by, _, flags, method, _, _, checksum, packed, size, *_ = fixed
    attributes, header = fixed[15], fixed[16]
    numbers = (made_by, flags, method, checksum, packed, size, attributes, header)
    if magic != b"PK\1\2" or not all(isinstance(number, int) for number in numbers):
        raise Invalid("is corrupt: invalid directory")
    made_by, flags, method, checksum, packed, size, attributes, header = map(int, numbers)
    size, packed, header = _sizes64(extra, size, packed, header)
    mode = attributes >> 16 if made_by >> 8 == UNIX else 0
    item = Item(name, flags, method, checksum, packed, size, header, mode)
    _check(item)
    return item


def _sizes64(extra: bytes, *numbers: int) -> tuple[int, ...]:
    """The numbers; those that do not fit into 32 bits come from extra field 1."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        at += 4
        if kind == 1 and at + length <= len(extra):
            longer = [value for (value,) in struct.iter_unpack("<Q", extra[at : at + length - length % 8])]
            return tuple(longer.pop(0) if number == MAX32 and longer else number for number in numbers)
        at += length
    return numbers


def _check(item: Item) -> None:
    kind = stat.S_IFMT(item.mode)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        what = "a symbolic link" if kind == stat.S_IFLNK else "an entry that is neither file nor folder"
        raise Invalid(f"contains {what}, {shown(item.name)}; only regular files and folders are supported")
    if item.flags & ENCRYPTED:
        raise Invalid(f"contains {shown(item.name)}, which is encrypted")
    if item.method not in {STORED, DEFLATED} or (item.method == STORED and item.packed != item.size):
        raise Invalid(
            f"contains {shown(item.name)}, compressed by method {item.method}; "
            "only stored and deflated files are supported"
        )
    if b"\\" in item.name:
        raise Invalid(f"contains {shown(item.name)}, a name with a backslash; zips must separate folders by slashes")


def path_of(item: Item) -> tuple[bytes, ...]:
    """Its components, in UTF-8; raises ``Invalid``."""
    plain = item.flags & UTF8 or item.name.isascii()
    return split(item.name if plain else item.name.decode("cp437").encode())


def _inflated(chunks: Iterator[bytes], item: Item) -> Iterator[bytes]:
    """Raises ``Invalid`` if the deflated stream does not end exactly with the entry."""
    inflater = fast.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        for chunk in chunks:
            packed = chunk
            while packed:
                yield inflater.decompress(packed, CHUNK)
                packed = inflater.unconsumed_tail
        while not inflater.eof and (rest := inflater.decompress(b"", CHUNK)):
            yield rest
    except ERRORS as error:
        raise Invalid(f"is corrupt: {error}") from error
    if not inflater.eof or inflater.unused_data:
        raise Invalid(f"is corrupt: {shown(item.name)} does not match the directory")
