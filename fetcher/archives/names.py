"""Names in archives and stores -> paths that stay inside. No I/O."""

import os

from fetcher.failures import Invalid

LONGEST_NAME = 4096
LONGEST_PART = 255
DEEPEST = 64
"""Folders within folders; what walks a tree may use a frame of its stack for each."""


def split(name: bytes) -> tuple[bytes, ...]:
    """The name's components; raises ``Invalid`` for one that could lead outside or that no file system takes."""
    parts = tuple(part for part in name.split(b"/") if part not in {b"", b"."})
    if name.startswith(b"/") or b".." in parts:
        raise Invalid(f"holds {shown(name)}, which leads outside of the folder it is unpacked to")
    if len(parts) > DEEPEST:
        raise Invalid(f"holds more than {DEEPEST} folders within each other: {shown(name)}")
    if b"\0" in name or len(name) > LONGEST_NAME or any(len(part) > LONGEST_PART for part in parts):
        raise Invalid(f"holds a name that no file can have: {shown(name)}")
    return parts


def shown(name: bytes) -> str:
    """A name as a message may hold it: printable and not too long."""
    return ascii(os.fsdecode(name[:100]))
