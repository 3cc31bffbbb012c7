"""Hostile zip files: Python's own where they are well-formed, edited byte by byte where they lie."""

import io
import stat
import struct
import zipfile

INSTALLED, INVALID, TOO_LARGE = 0, 12, 13
CENTRAL, END = b"PK\1\2", b"PK\5\6"


def packed(*files: tuple[str, bytes], mode: int = 0, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip file; ``mode`` is that of all its entries."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method) as file:
        for name, content in files:
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.external_attr = mode << 16
            info.compress_type = method
            file.writestr(info, content)
    return archive.getvalue()


GOOD = packed(("d/a", b"1" * 700), ("b", b"2" * 100))


def _renamed(name: bytes) -> bytes:
    """A name that Python would change on packing."""
    return packed(("n" * len(name), b"evil")).replace(b"n" * len(name), name)


def _edited(magic: bytes, offset: int, value: bytes, archive: bytes = GOOD) -> bytes:
    at = archive.index(magic) + offset
    return archive[:at] + value + archive[at + len(value) :]


def _nested() -> bytes:
    """An entry whose content holds another one, and a directory that lists both, rightly in all else (Fifield)."""
    inner = packed(("b", b"2" * 1000))
    local, listed = inner[: inner.index(CENTRAL)], inner[inner.index(CENTRAL) : inner.index(END)]
    outer = packed(("a", local), method=zipfile.ZIP_STORED)
    at = outer.index(END)
    both = outer[:at] + listed[:42] + struct.pack("<L", outer.index(local)) + listed[46:]
    size = at - outer.rindex(CENTRAL, 0, at) + len(listed)
    return both + struct.pack("<4s4H2LH", END, 0, 0, 2, 2, size, len(both) - size, 0)


def _overlapping() -> bytes:
    """Two entries of the directory that point to the same bytes."""
    at = GOOD.rindex(CENTRAL) + 42
    return GOOD[:at] + struct.pack("<L", 0) + GOOD[at + 4 :]


def _zip64(count: int, start: int) -> bytes:
    """A directory of 64 bits that says what it likes, before the usual one."""
    at = GOOD.index(END)
    begin = GOOD.index(CENTRAL)
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, at - begin, start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, at, 1)
    end = struct.pack("<4s4H2LH", END, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return GOOD[:at] + end64 + locator + end


DIRECTORY = GOOD.index(CENTRAL)
HOSTILE = {
    "well-formed": (GOOD, INSTALLED),
    "well-formed with a directory of 64 bits": (_zip64(2, DIRECTORY), INSTALLED),
    "empty": (packed(), INVALID),
    "nothing but a folder": (packed(("d/", b"")), INVALID),
    "more implied folders than allowed": (
        packed(("/".join(["d"] * 60) + "/a", b""), ("/".join(["e"] * 60), b"")),
        TOO_LARGE,
    ),
    "stored, not deflated": (packed(("a", b"1"), method=zipfile.ZIP_STORED), INSTALLED),
    "a file outside": (_renamed(b"../evil"), INVALID),
    "a file outside from within": (_renamed(b"a/../../evil"), INVALID),
    "an absolute file": (_renamed(b"/evil"), INVALID),
    "a file outside by backslashes": (_renamed(b"..\\evil"), INVALID),
    "an absolute file by backslashes": (_renamed(b"\\evil"), INVALID),
    "a file on a Windows drive": (_renamed(b"C:\\evil"), INVALID),
    "a zero byte in a name": (_renamed(b"a\0b"), INVALID),
    "a folder outside": (_renamed(b"../d/"), INVALID),
    "no name": (_renamed(b"."), INVALID),
    "a symbolic link": (packed(("a", b"/etc/passwd"), mode=stat.S_IFLNK | 0o777), INVALID),
    "a device": (packed(("a", b""), mode=stat.S_IFCHR | 0o666), INVALID),
    "a named pipe": (packed(("a", b""), mode=stat.S_IFIFO | 0o666), INVALID),
    "a socket": (packed(("a", b""), mode=stat.S_IFSOCK | 0o666), INVALID),
    "a file of mode 6777": (packed(("a", b"1"), mode=stat.S_IFREG | 0o6777), INSTALLED),
    "a name twice": (GOOD.replace(b"d/a", b"./b"), INVALID),
    "a file where a folder is": (packed(("a/", b""), ("a", b"1")), INVALID),
    "names that differ by case": (packed(("Model", b"1"), ("model", b"2")), INSTALLED),
    "a name of 256 bytes": (packed(("n" * 256, b"1")), INVALID),
    "a path of more than 4096 bytes": (packed(("/".join(["n" * 200] * 25), b"1")), INVALID),
    "a name of a code page": (_renamed(b"gr\x94\xe1e"), INSTALLED),
    "more entries than allowed": (packed(*((f"{number}", b"") for number in range(101))), TOO_LARGE),
    "more bytes than allowed": (packed(("a", bytes(3_000_000))), TOO_LARGE),
    "more bytes than allowed together": (packed(*((f"{n}", bytes(700_000)) for n in range(3))), TOO_LARGE),
    "a zip in a zip": (packed(("inner.zip", GOOD)), INSTALLED),
    "bzip2": (packed(("a", b"1" * 100), method=zipfile.ZIP_BZIP2), INVALID),
    "LZMA": (packed(("a", b"1" * 100), method=zipfile.ZIP_LZMA), INVALID),
    "encrypted": (_edited(CENTRAL, 8, b"\1\0"), INVALID),
    "encrypted in the entry's own header alone": (_edited(b"PK\3\4", 6, b"\1\0"), INVALID),
    "another method in the entry's own header": (_edited(b"PK\3\4", 8, b"\0\0"), INVALID),
    "another name in the entry's own header": (_edited(b"PK\3\4", 30, b"e/v"), INVALID),
    "a longer name in the entry's own header": (_edited(b"PK\3\4", 26, b"\xff\xff"), INVALID),
    "no entry where the directory points": (_edited(b"PK\3\4", 0, b"PK\3\5"), INVALID),
    "an entry that points behind the end": (_edited(CENTRAL, 42, b"\xf0\xff\xff\x7f"), INVALID),
    "entries that share bytes": (_overlapping(), INVALID),
    "an entry within another": (_nested(), INVALID),
    "an entry that reaches into the directory": (_edited(CENTRAL, 20, b"\xf0\0\0\0"), INVALID),
    "a wrong checksum": (_edited(CENTRAL, 16, b"\0\0\0\0"), INVALID),
    "a size that is too small": (_edited(CENTRAL, 24, b"\1\0\0\0"), INVALID),
    "a size that is too large": (_edited(CENTRAL, 24, b"\xff\xff\0\0"), INVALID),
    "a size of four gigabytes": (_edited(CENTRAL, 24, b"\xf0\xff\xff\xff"), TOO_LARGE),
    "a size of 64 bits that is not there": (_edited(CENTRAL, 24, b"\xff\xff\xff\xff"), TOO_LARGE),
    "a packed size that is too small": (_edited(CENTRAL, 20, b"\1\0\0\0"), INVALID),
    "damage in what is deflated": (_edited(b"PK\3\4", 33, b"\xff\xff"), INVALID),
    "a directory that makes no sense": (_edited(CENTRAL, 0, b"PK\1\3"), INVALID),
    "a count that is too small": (_edited(END, 8, b"\1\0\1\0"), INVALID),
    "a count that is too large": (_edited(END, 8, b"\3\0\3\0"), INVALID),
    "two counts": (_edited(END, 8, b"\1\0\2\0"), INVALID),
    "a part of several": (_edited(END, 4, b"\1\0\1\0"), INVALID),
    "a directory that begins elsewhere": (_edited(END, 16, b"\0\0\0\0"), INVALID),
    "a directory that begins behind the end": (_edited(END, 16, b"\xf0\xff\xff\xff"), INVALID),
    "a comment that is not there": (_edited(END, 20, b"\xff\xff"), INVALID),
    "something after the end": (GOOD + b"something", INVALID),
    "something before the beginning": (b"PK\3\4" + GOOD, INVALID),
    "a directory of 64 bits that is not there": (_edited(END, 8, b"\xff\xff\xff\xff"), INVALID),
    "a directory of 64 bits with a count beyond all limits": (_zip64(1 << 60, DIRECTORY), TOO_LARGE),
    "a directory of 64 bits that begins elsewhere": (_zip64(2, 1 << 62), INVALID),
}
