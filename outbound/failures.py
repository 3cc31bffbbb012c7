"""Failures of requests to servers that users name.

It must not decide whether to retry; only ``Interrupted`` says that a retry may help.
"""

import os
from urllib.parse import urlsplit

SECRET = "the Secret"  # noqa: S105 - holds none
"""In messages: where the credentials are from. Each program has a word of its own for it."""


class RequestFailed(Exception):  # noqa: N818 - reads as what happened, as the messages do
    """A request that fails in the same way when it is retried, with a message that says how to fix it."""


class Blocked(RequestFailed):
    """The address must not be connected to."""


class Untrusted(RequestFailed):
    """The server's certificate is not trusted."""


class Interrupted(RequestFailed):
    """A temporary failure that is worth a retry: a network error, a timeout, a 5xx.

    ``pause`` is the server's ``Retry-After`` in seconds.
    """

    def __init__(self, message: str, pause: float = 0) -> None:
        super().__init__(message)
        self.pause = pause


class Unresolved(Interrupted):
    """The host's name has no address."""


class Overloaded(Interrupted):
    """The server is overloaded (429, 503): fewer concurrent requests may help."""


def public(url: str) -> str:
    """The URL without parts that may be secret: user, password, query and fragment.

    An unescaped slash in a password splits the URL at the wrong place; its port is then not a number.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "the artifact's URL"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def shown(name: bytes) -> str:
    """A name for messages: printable and truncated."""
    return ascii(os.fsdecode(name[:100]))
