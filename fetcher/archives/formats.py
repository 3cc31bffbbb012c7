"""What surely is no model, though it could be put on the volume as a file: other archives, packed files. No I/O."""

from collections.abc import Mapping

from fetcher.archives.names import shown
from fetcher.failures import Invalid

ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".zip")
PACKING = "pack the model's files as tar, tar.gz, tar.zst or zip"
FOREIGN: Mapping[bytes, str] = {
    **{b"BZh%d" % level: "bzip2" for level in range(1, 10)},
    b"\xfd7zXZ\0": "xz",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!\x1a\x07": "RAR",
    b"\x04\x22\x4d\x18": "LZ4",
    b"LZIP\x01": "lzip",
}
PLAIN = {"", "identity"}
NAMED: Mapping[str, tuple[bytes, ...]] = {
    "gzip": (b".gz", b".tgz"),
    "x-gzip": (b".gz", b".tgz"),
    "zstd": (b".zst", b".tzst"),
}
"""Servers send files of these names with these encodings when they mean the file as it is."""


def check_file(head: bytes, name: str) -> None:
    """Raises ``Invalid`` for a file that begins like another format's archive, or is named like one and is none."""
    if packer := next((FOREIGN[magic] for magic in FOREIGN if head.startswith(magic)), ""):
        raise Invalid(f"is packed by {packer}, which is not unpacked; {PACKING}")
    if name.endswith(ARCHIVES):
        if head and not any(head):
            raise Invalid(f"holds no file; {PACKING}")
        raise Invalid("is named like an archive, but holds none; it begins with " + ascii(head[:40].decode("latin-1")))


def check_encoding(encoding: str, name: bytes) -> None:
    """Raises ``Invalid`` for a file that was sent in an encoding which would leave it packed."""
    if encoding in PLAIN or name.lower().endswith(NAMED.get(encoding, ())):
        return
    raise Invalid(
        f"holds {shown(name)}, which the server sends with Content-Encoding {encoding[:40]!a}: it would stay packed; "
        f"store it without that header, or {PACKING}"
    )
