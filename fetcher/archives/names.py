"""Names in archives and stores -> safe relative paths (no path traversal). No I/O."""

from fetcher.failures import Invalid
from outbound.failures import shown

LONGEST_NAME = 4096
LONGEST_PART = 255
DEEPEST = 64
"""Nested folders; code that walks a tree may use a stack frame for each."""


def split(name: bytes) -> tuple[bytes, ...]:
    """The name's components; raises ``Invalid`` if it leads outside or is not a valid file name."""
    parts = tuple(part for part in name.split(b"/") if part not in {b"", b"."})
    if name.startswith(b"/") or b".." in parts:
        raise Invalid(f"contains {shown(name)}, which leads outside the target folder")
    if len(parts) > DEEPEST:
        raise Invalid(f"nests folders more than {DEEPEST} deep: {shown(name)}")
    if b"\0" in name or len(name) > LONGEST_NAME or any(len(part) > LONGEST_PART for part in parts):
        raise Invalid(f"contains an invalid file name: {shown(name)}")
    return parts
