"""An artifact's bytes -> files below one folder. It must not make anything visible, nor fetch."""

import os
import zlib
from urllib.parse import unquote, urlsplit

from fetcher.archive import BLOCK, entries, is_tar
from fetcher.failures import Invalid
from fetcher.settings import Settings
from fetcher.stream import CHUNK, Inflated, Readable, Source
from fetcher.tree import Tree

GZIP = b"\x1f\x8b"
ARCHIVES = (".tar", ".tar.gz", ".tgz")


def unpack(source: Source, settings: Settings, tree: Tree) -> None:
    """A tar or tar.gz is unpacked; anything else is put as it is, under its own name; raises ``Invalid``."""
    head = source.head(CHUNK)
    name = file_name(settings.artifact)
    if is_tar(head):
        _fill(tree, source, settings)
    elif is_tar(_inflated_head(head)):
        _fill(tree, Inflated(source, settings.limit_ratio), settings)
    elif name.endswith(ARCHIVES):
        raise Invalid(
            "is named like an archive, but holds no tar; it begins with " + ascii(head[:40].decode("latin-1"))
        )
    else:
        tree.write((os.fsencode(name),), iter(lambda: source.read(CHUNK), b""), executable=False)
    tree.settle()


def file_name(url: str) -> str:
    """The last part of the URL's path; ``artifact`` where that is no name."""
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    return name if name not in {"", ".", ".."} and "/" not in name and "\0" not in name else "artifact"


def _inflated_head(head: bytes) -> bytes:
    if not head.startswith(GZIP):
        return b""
    try:
        return zlib.decompressobj(wbits=31).decompress(head, BLOCK)
    except zlib.error:
        return b""


def _fill(tree: Tree, stream: Readable, settings: Settings) -> None:
    room = settings.limit_bytes
    for entry in entries(stream, settings.limit_entries):
        if entry.is_folder:
            tree.make_folder(entry.path)
            continue
        room -= entry.content.size
        if room < 0:
            raise Invalid(
                f"unpacks to more than the {settings.limit_bytes} bytes allowed; give the variant more `size`"
            )
        tree.write(entry.path, entry.content.chunks(), executable=entry.executable)
    while stream.read(CHUNK):
        pass
