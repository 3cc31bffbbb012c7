"""A corpus of hostile archives, re-created each time: what each is, and how its fetching has to end.

``HOSTILE`` maps a sentence to a case. Each is fetched with at most ``MOST_BYTES`` and
``MOST_ENTRIES``, see ``test_fetcher_hostile``.
"""

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from backports import zstd

from tests.unit.fetcher import hostile_zips
from tests.unit.fetcher.origin import folder, member, tar

MOST_BYTES = 2_000_000
MOST_ENTRIES = 100
INSTALLED, INVALID, TOO_LARGE = 0, 12, 13
FORMS = {"ustar": tarfile.USTAR_FORMAT, "pax": tarfile.PAX_FORMAT, "gnu": tarfile.GNU_FORMAT}


@dataclass(frozen=True)
class Case:
    """A file, and the exit code that it deserves."""

    name: str
    content: bytes
    code: int


OUTSIDE = [
    "../evil",
    "/evil",
    "//evil",
    "./../evil",
    "a/../../evil",
    "a/./../../evil",
    "..",
    "a/..",
    "../../../../evil",
]
LINKS = ["/etc/passwd", "..", "../../evil", ".", "a", "/proc/self/root", "b/../../evil", "x" * 90]
KINDS: dict[str, dict[str, Any]] = {
    "a character device": {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3},
    "a block device": {"type": tarfile.BLKTYPE, "devmajor": 8},
    "a named pipe": {"type": tarfile.FIFOTYPE},
    "a GNU sparse file": {"type": tarfile.GNUTYPE_SPARSE},
    "a part of several volumes": {"type": b"M"},
    "a volume's name": {"type": b"V"},
    "a dump of a folder": {"type": b"D"},
    "a Solaris list": {"type": b"X"},
    "a type that nobody knows": {"type": b"Z"},
    "a type of zero length": {"type": b"\xff"},
}
SPARSE = [b"22 GNU.sparse.major=1\n", b"25 GNU.sparse.numblocks=1\n", b"20 GNU.sparse.map=0\n"]
PAX = {
    "an absolute path": (b"14 path=/evil\n", INVALID),
    "a path that leads outside": (b"16 path=../evil\n", INVALID),
    "a zero byte in a path": (b"12 path=a\0b\n", INVALID),
    "no length": (b"path=a\n", INVALID),
    "a length of zero": (b"0 path=a\n", INVALID),
    "a length beyond its end": (b"99 path=a\n", INVALID),
    "a negative length": (b"-9 path=a\n", INVALID),
    "a length of thousands of digits": (b"9" * 5000 + b" path=a\n", INVALID),
    "a size of thousands of digits": (b"5011 size=" + b"9" * 5000 + b"\n", INVALID),
    "a negative size": (b"11 size=-1\n", INVALID),
    "a size beyond all limits": (b"20 size=99999999999\n", TOO_LARGE),
    "a size beyond the file": (b"16 size=9999999\n", TOO_LARGE),
    "a size into the zeros at the end": (b"13 size=3000\n", INSTALLED),
    "hundreds of thousands of records": (b"6 a=b\n" * 174_000, INSTALLED),
    "a length of megabytes": (b"a" * 1_048_577, INVALID),
    "other digits than those of ASCII": ("١٤ path=/evil\n".encode(), INVALID),
}
SMALL = tar(folder("d"), member("d/a", b"1" * 700), member("b", b"2" * 100))


def _pax(records: bytes) -> bytes:
    return tar(member("x", records, type=tarfile.XHDTYPE), member("a", b"1"), form=tarfile.USTAR_FORMAT)


def _edited(edit: Callable[[bytearray], None], *, checksum: bool = True) -> bytes:
    """An archive of one file with another header; with a right checksum, if asked for."""
    archive = bytearray(tar(member("a", b"1" * 600), form=tarfile.USTAR_FORMAT))
    edit(archive)
    if checksum:
        archive[148:156] = b" " * 8
        archive[148:156] = b"%06o\0 " % sum(archive[:512])
    return bytes(archive)


def _set(start: int, value: bytes) -> Callable[[bytearray], None]:
    def edit(archive: bytearray) -> None:
        archive[start : start + len(value)] = value

    return edit


LYING = {
    "a negative size": (_edited(_set(124, b"\xff" * 12)), INVALID),
    "a size in base 256 beyond all limits": (_edited(_set(124, b"\x80" + b"\x7f" * 11)), TOO_LARGE),
    "a size beyond its end": (_edited(_set(124, b"00000077777\0")), INVALID),
    "a size that is no number": (_edited(_set(124, b"zzzzzzzzzzz\0")), INVALID),
    "a checksum that is wrong": (_edited(_set(0, b"b"), checksum=False), INVALID),
    "a mode with all bits": (_edited(_set(100, b"7777777\0")), INSTALLED),
    "an empty name": (_edited(_set(0, b"\0" * 100)), INVALID),
    "a prefix that leads outside": (_edited(_set(345, b"../..")), INVALID),
    "a prefix that is absolute": (_edited(_set(345, b"/etc")), INVALID),
}


def _tars() -> Iterator[tuple[str, bytes, int]]:
    for form, number in FORMS.items():
        for name in OUTSIDE:
            yield f"{form}: a file named {name}", tar(member(name, b"evil"), form=number), INVALID
        yield f"{form}: a folder named ../d", tar(folder("../d"), form=number), INVALID
    for target in LINKS:
        link = member("a", type=tarfile.SYMTYPE, linkname=target)
        yield f"a symbolic link to {target[:20]}", tar(link), INVALID
        yield f"a hard link to {target[:20]}", tar(member("a", type=tarfile.LNKTYPE, linkname=target)), INVALID
    for kind, fields in KINDS.items():
        yield kind, tar(member("a", **fields), form=tarfile.USTAR_FORMAT), INVALID
    for number, records in enumerate(SPARSE):
        yield f"a sparse file of form {number} in pax", _pax(records), INVALID
    for what, (records, code) in PAX.items():
        yield f"a pax header with {what}", _pax(records), code
    for what, (archive, code) in LYING.items():
        yield f"a header with {what}", archive, code
    for mode in (0o4755, 0o2755, 0o1777, 0o7777, 0o666, 0):
        yield f"a file of mode {mode:o}", tar(member("a", b"1", mode=mode)), INSTALLED
    yield from _chains()
    yield from _names()


def _chains() -> Iterator[tuple[str, bytes, int]]:
    link = member("a", type=tarfile.SYMTYPE, linkname="..")
    through = member("a/evil", b"evil")
    chain = [member(f"l{n}", type=tarfile.SYMTYPE, linkname=f"l{n + 1}") for n in range(50)]
    deep = "/".join(["d" * 200] * 19)
    yield "a link and a file through it", tar(link, through), INVALID
    yield "a file, and a link in its place, and a file through it", tar(member("a"), link, through), INVALID
    yield "a chain of fifty links", tar(*chain, member("l0/evil", b"evil")), INVALID
    yield "links that lead in a circle", tar(link, member("b", type=tarfile.SYMTYPE, linkname="a")), INVALID
    yield "a link below a path near the longest", tar(member(f"{deep}/l", type=tarfile.SYMTYPE, linkname="..")), INVALID
    yield "a hard link to a link", tar(link, member("h", type=tarfile.LNKTYPE, linkname="a")), INVALID


def _names() -> Iterator[tuple[str, bytes, int]]:
    yield "a name twice", tar(member("a", b"1"), member("./a", b"2")), INVALID
    yield "a folder where a file is", tar(member("a"), member("a/b")), INVALID
    yield "a file where a folder is", tar(folder("a"), member("a")), INVALID
    yield "names that differ by case", tar(member("Model", b"1"), member("model", b"2")), INSTALLED
    yield "names that differ by normal form", tar(member("\u00e9", b"1"), member("e\u0301", b"2")), INSTALLED
    yield "a name with a line feed", tar(member("a\nb", b"1")), INSTALLED
    yield "a name with colours for terminals", tar(member("\x1b[31ma", b"1")), INSTALLED
    yield "a name with backslashes", tar(member("..\\..\\evil", b"1")), INSTALLED
    yield "a name of a Windows drive", tar(member("C:evil", b"1")), INSTALLED
    yield "a name that is no UTF-8", tar(member("a\udcff", b"1"), form=tarfile.GNU_FORMAT), INSTALLED
    yield "a name of 256 bytes", tar(member("n" * 256, b"1")), INVALID
    yield "a path of more than 4096 bytes", tar(member("/".join(["n" * 200] * 25))), INVALID
    yield "a path of a thousand folders", tar(member("/".join(["d"] * 1000), b"1")), INVALID
    yield "the names of what model-init keeps", tar(member(".complete", b"{}"), member(".lock"), folder(".partial")), 0
    yield "more entries than allowed", tar(*(member(f"{number}") for number in range(101))), TOO_LARGE
    yield "more implied folders than allowed", tar(*(member("/".join([f"{n}"] * 60)) for n in range(2))), TOO_LARGE
    yield (
        "folders that take more than is left",
        tar(member("a", bytes(1_990_000)), *(folder(f"{n}") for n in range(9))),
        TOO_LARGE,
    )
    yield "nothing", tar(), INVALID
    yield "nothing but folders", tar(folder("a"), folder("a/b")), INVALID
    yield "one folder more often than allowed", tar(*(folder("a") for _ in range(101))), TOO_LARGE
    yield "sizes beyond the limit", tar(*(member(f"{number}", bytes(700_000)) for number in range(3))), TOO_LARGE
    yield "a tar in a tar", tar(member("inner.tar", tar(member("../evil", b"1")))), INSTALLED


def _bombs() -> Iterator[tuple[str, str, bytes, int]]:
    zeros = tar(member("a", bytes(8_000_000)))
    after = tar(member("a")) + bytes(64_000_000)
    packers: dict[str, Callable[[bytes], bytes]] = {"m.tar.gz": gzip.compress, "m.tar.zst": zstd.compress}
    for name, pack in packers.items():
        yield f"{name}: a bomb by its declared size", name, pack(zeros), TOO_LARGE
        yield f"{name}: a bomb after the end", name, pack(after), INVALID
        yield f"{name}: a bomb before the first header", name, pack(bytes(64_000_000)), INVALID
        yield f"{name}: packed twice", name, pack(pack(SMALL)), INVALID
        yield f"{name}: something after the end", name, pack(SMALL) + b"something", INVALID
        yield f"{name}: a second archive after the end", name, pack(SMALL) + pack(SMALL), INSTALLED
        yield f"{name}: thousands of empty members", name, pack(b"") * 3000 + pack(SMALL), INSTALLED
    long: dict[int, int] = {
        zstd.CompressionParameter.window_log: 27,
        zstd.CompressionParameter.enable_long_distance_matching: 1,
    }
    wide = zstd.ZstdCompressor(options=long)
    yield "a window of 128 MiB", "m.tar.zst", wide.compress(zeros) + wide.flush(), INVALID
    yield "more than allowed, packed", "m.tar", bytes(3_000_000), TOO_LARGE


def _foreign() -> Iterator[tuple[str, str, bytes, int]]:
    """What other programs pack, under any name."""
    for name in ("m.tar.xz", "m.bin", "m", "m.tar"):
        yield f"{name}: packed by xz", name, lzma.compress(SMALL), INVALID
        yield f"{name}: packed by bzip2", name, bz2.compress(SMALL), INVALID
    yield "packed by 7-Zip", "m.7z", b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24), INVALID
    yield "packed by RAR", "m.rar", b"Rar!\x1a\x07\x01\0" + bytes(24), INVALID
    yield "gzip: nothing but a folder", "m.tar.gz", gzip.compress(tar(folder("a"))), INVALID
    yield "gzip: nothing", "m.tar.gz", gzip.compress(tar()), INVALID


def _cut_off() -> Iterator[tuple[str, str, bytes, int]]:
    whole = {
        "m.tar": SMALL[:3072],
        "m.tar.gz": gzip.compress(SMALL),
        "m.tar.zst": zstd.compress(SMALL),
        "m.zip": hostile_zips.GOOD,
    }
    for name, archive in whole.items():
        for eighth in range(8):
            length = len(archive) * eighth // 8
            yield f"{name}: cut off after {eighth} eighths", name, archive[:length], INVALID


def _cases() -> Iterator[tuple[str, Case]]:
    for what, archive, code in _tars():
        yield what, Case("m.tar", archive, code)
    for what, name, archive, code in (*_bombs(), *_foreign(), *_cut_off()):
        yield what, Case(name, archive, code)
    for what, (archive, code) in hostile_zips.HOSTILE.items():
        yield f"zip: {what}", Case("m.zip", archive, code)


HOSTILE = dict(_cases())
