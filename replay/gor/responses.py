"""Lines of the tap -> responses of the target. No I/O."""

import binascii
from dataclasses import dataclass

from replay.gor import format as gor

LONGEST_FACTS_HEX = 2 * gor.LONGEST_FACTS


@dataclass(frozen=True)
class Arrived:
    """The number of a request, how long it took, and the response's bytes; None if it was cut."""

    number: int
    seconds: float
    message: bytes | None


def name_of(number: int) -> str:
    """The id of a request in gor's file."""
    return f"{number:024x}"


def arrived(line: bytes) -> Arrived | None:
    """None if it is no response to a request of ours."""
    is_cut = line.endswith(b"!")
    try:
        content = binascii.unhexlify(line[:LONGEST_FACTS_HEX] if is_cut else line)
        record = gor.read(content)
        if record is None or record.kind != gor.REPLAYED:
            return None
        number = int(record.name, 16)
    except ValueError:
        return None
    return Arrived(number, record.duration / 1e9, None if is_cut else record.message)
