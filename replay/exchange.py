"""What was captured, as values: a request, its response, and why a record cannot be used. No I/O."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

Headers = tuple[tuple[str, str], ...]
REDACTED = "[REDACTED]"
"""What the capture writes in place of a value that must not be stored."""


class Skipped(StrEnum):
    """Why a record is not replayed."""

    MALFORMED = "malformed"
    LINE_TOO_LONG = "line_too_long"
    TORN = "torn"
    NO_INPUT = "no_input"
    BODY_TOO_LARGE = "body_too_large"
    INVALID_BODY = "invalid_body"
    INVALID_METHOD = "invalid_method"
    INVALID_PATH = "invalid_path"
    INVALID_HEADER = "invalid_header"
    SEPARATOR = "contains_separator"
    REPLAYED = "replayed"
    OWN_SOURCE = "own_source"
    NO_REQUEST = "response_without_request"


class NotCompared(StrEnum):
    """Why a response is not compared."""

    NO_RECORDED_OUTPUT = "no_recorded_output"
    TOO_LARGE = "too_large"
    ENCODED = "encoded"
    UNREADABLE = "unreadable"


class Unusable(Exception):  # noqa: N818 - no error: records like this are expected, and counted
    """A record that is not replayed."""

    def __init__(self, reason: Skipped) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Request(msgspec.Struct, frozen=True):
    """A request as it was received, without a host."""

    method: str
    path: str
    headers: Headers
    body: bytes


class Response(msgspec.Struct, frozen=True):
    """A response; ``body`` is None if it was not recorded."""

    status: int
    content_type: str
    body: bytes | None
    encoding: str = ""


class Origin(msgspec.Struct, frozen=True):
    """Who responded when the request was captured: what is known of it."""

    variant: str = ""
    instance: str = ""
    host: str = ""


class Exchange(msgspec.Struct, frozen=True):
    """A captured request; its response and duration as far as they were recorded."""

    name: str
    nanoseconds: int
    request: Request
    response: Response | None = None
    seconds: float | None = None
    origin: Origin = Origin()


def lowered(headers: Headers) -> Mapping[str, str]:
    """By lower-case name; the last of several wins."""
    return {name.lower(): value for name, value in headers}
