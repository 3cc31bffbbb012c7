"""Chunks of an object -> its lines, of bounded length. No I/O."""

from collections.abc import Iterable, Iterator

from replay.exchange import Skipped


def lines(chunks: Iterable[bytes], longest: int) -> Iterator[bytes | Skipped]:
    """Each line without its newline; why it is skipped in place of one that is too long, or that has no end."""
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            whole = b"".join((*parts, end)) if size + len(end) <= longest else None
            parts, size = [], 0
            yield Skipped.LINE_TOO_LONG if whole is None else whole
        size += len(rest)
        parts = [*parts, rest] if size <= longest else []
    if size:
        yield Skipped.TORN if size <= longest else Skipped.LINE_TOO_LONG
