"""Bodies of invocations as the command line names them: text, ``@FILE``, or ``-`` for stdin."""

import sys
from pathlib import Path
from typing import BinaryIO

from mlendpoints.cli.errors import UsageError

_BY_SUFFIX = {".json": "application/json", ".csv": "text/csv", ".npy": "application/x-npy", ".txt": "text/plain"}


def body(text: str) -> bytes | BinaryIO:
    """What is sent: bytes, or a stream that is sent as it is read; raises ``UsageError``."""
    if text == "-":
        return sys.stdin.buffer
    if not text.startswith("@"):
        return text.encode()
    try:
        return Path(text[1:]).read_bytes()
    except OSError as error:
        raise UsageError(f"Cannot read {text[1:]}: {error.strerror}.") from None


def content_type(text: str) -> str:
    """The type of a body, by the file's suffix, else by how the text begins; stdin is taken to be JSON.

    >>> content_type("@rows.csv"), content_type('{"x": 1}'), content_type("1st,female,adult"), content_type("-")
    ('text/csv', 'application/json', 'text/csv', 'application/json')
    """
    if text.startswith("@"):
        return _BY_SUFFIX.get(Path(text[1:]).suffix.lower(), "application/octet-stream")
    return "application/json" if text == "-" or text.lstrip()[:1] in ("{", "[", '"') else "text/csv"
