"""Rejects files that cannot be a model: unsupported archives and compressed files. No I/O."""

from collections.abc import Mapping

from fetcher.failures import Invalid
from outbound.failures import shown

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
"""Servers send files with these names and encodings when they mean the file itself."""


def check_file(head: bytes, name: str) -> None:
    """Raises ``Invalid`` for an archive of an unsupported format, or a file with an archive's name that is not one."""
    if packer := next((FOREIGN[magic] for magic in FOREIGN if head.startswith(magic)), ""):
        raise Invalid(f"is packed with {packer}, which is not supported; {PACKING}")
    if name.endswith(ARCHIVES):
        if head and not any(head):
            raise Invalid(f"contains no files; {PACKING}")
        start = ascii(head[:40].decode("latin-1"))
        raise Invalid(f"has the name of an archive but is not one; it begins with {start}")


def check_encoding(encoding: str, name: bytes) -> None:
    """Raises ``Invalid`` for a file whose Content-Encoding would leave it compressed."""
    if encoding in PLAIN or name.lower().endswith(NAMED.get(encoding, ())):
        return
    raise Invalid(
        f"contains {shown(name)}, which the server sends with Content-Encoding {encoding[:40]!a}; it would stay "
        f"compressed: store it without that header, or {PACKING}"
    )
