"""What a sink receives, and what a sink is. Types only, no I/O."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Content:
    """The content of an object. It can be read again for each attempt."""

    size: int
    md5: bytes
    pieces: Callable[[], Iterator[bytes]]


class Sink(Protocol):
    """A place for objects. Storing an object again replaces it by the same one."""

    def put(self, key: str, content: Content) -> None:
        """The object is stored as a whole when this returns; raises any exception that ``undelivered`` translates."""

    def close(self) -> None:
        """Ends its connections."""
