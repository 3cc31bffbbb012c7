"""The file format of gor: records of a line of facts and an HTTP message, and a separator between them. No I/O.

    1 ID NANOSECONDS 0            request
    2 ID NANOSECONDS DURATION     its response, as it was captured
    3 ID NANOSECONDS DURATION     a response to a replayed request

The separator is not escaped within messages: a message that contains it cannot be written.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

SEPARATOR = "\n🐵🙈🙉\n".encode()
REQUEST, RESPONSE, REPLAYED = b"1", b"2", b"3"
FACTS = re.compile(rb"([123]) ([0-9A-Za-z-]{1,64}) ([0-9]{1,19})(?: ([0-9]{1,19}))?(?: [0-9]{1,19})?")
LONGEST_FACTS = 200


@dataclass(frozen=True)
class Record:
    """One record: its kind, id, time and duration in nanoseconds, and the message's bytes."""

    kind: bytes
    name: str
    nanoseconds: int
    duration: int
    message: bytes


def fits(message: bytes) -> bool:
    """Whether gor reads the message as one record: no line of it, with a newline added, is the separator's."""
    return (b"\n" + message + SEPARATOR).find(SEPARATOR) == 1 + len(message)


def written(record: Record) -> bytes:
    """The record with its separator."""
    facts = f"{record.kind.decode()} {record.name} {record.nanoseconds} {record.duration}\n"
    return facts.encode() + record.message + SEPARATOR


def read(content: bytes) -> Record | None:
    """One record without its separator; None if it is none."""
    facts, newline, message = content.partition(b"\n")
    found = FACTS.fullmatch(facts) if newline else None
    if not found:
        return None
    return Record(found[1], found[2].decode(), int(found[3]), int(found[4] or 0), message)


def pieces(chunks: Iterable[bytes], longest: int) -> Iterator[bytes | None]:
    """What is between separators; None in place of a piece that is longer."""
    buffer, too_long = b"", False
    for chunk in chunks:
        buffer += chunk
        *whole, buffer = buffer.split(SEPARATOR)
        for piece in whole:
            yield None if too_long or len(piece) > longest else piece
            too_long = False
        if len(buffer) > longest:
            too_long, buffer = True, buffer[-len(SEPARATOR) :]
    if buffer.strip() or too_long:
        yield None if too_long or len(buffer) > longest else buffer
