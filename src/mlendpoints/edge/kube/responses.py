"""Responses of the API server: pages of lists, events of watches, the metadata of what was written."""

from typing import Literal, TypeVar

import msgspec
from msgspec import Struct, field

from mlendpoints.edge.kube.decoding import UNREADABLE, read
from mlendpoints.edge.kube.errors import Status, UnavailableError, make_error

T = TypeVar("T")


class ListMeta(Struct, frozen=True, rename="camel"):
    """The resourceVersion of a list or of a watch's bookmark, and the continue token of a page."""

    resource_version: str = ""
    continue_: str = field(name="continue", default="")


class Page(Struct, frozen=True):
    """One page of a list; items are not decoded."""

    metadata: ListMeta
    items: list[msgspec.Raw] = []


class WatchEvent(Struct, frozen=True):
    """One line of a watch."""

    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]
    object: msgspec.Raw


class WrittenMeta(Struct, frozen=True, rename="camel"):
    """Of the written object: its identity and version, which are empty if it was deleted, and whether it remains."""

    uid: str = ""
    resource_version: str = ""
    deletion_timestamp: str = ""
    finalizers: tuple[str, ...] = ()

    @property
    def is_gone(self) -> bool:
        """Whether the write has removed the object, as that of the last finalizer does: it has no version of its own.

        Of custom resources and others that know no grace period.
        """
        return bool(self.deletion_timestamp) and not self.finalizers


class Written(Struct, frozen=True):
    """The API server's response to a write."""

    metadata: WrittenMeta = WrittenMeta()


def parse_response(content: bytes | msgspec.Raw, type_: type[T]) -> T:
    """The decoded response; raises ``UnavailableError`` if it is no ``type_``."""
    try:
        return read(content, type_)
    except UNREADABLE as error:
        raise UnavailableError(f"The API server's response is no {type_.__name__}: {error}") from error


def parse_event(line: bytes) -> WatchEvent:
    """A line of a watch; raises the error that it reports, if it does."""
    event = parse_response(line, WatchEvent)
    if event.type == "ERROR":
        raise make_error(parse_response(event.object, Status))
    return event
