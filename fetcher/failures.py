"""Failures of an artifact, by the reasons that endpoints show, and their exit codes.

It must not decide whether to retry; only ``Interrupted`` says that a retry may help.
"""

from typing import ClassVar
from urllib.parse import urlsplit


class Failure(Exception):  # noqa: N818 - the subclasses are named as the reasons are
    """A reason from the API's closed list, with a message that says how to fix it."""

    reason: ClassVar[str]
    exit_code: ClassVar[int]


class Unexpected(Failure):
    """A bug in model-init itself. Only its type is shown, since text and traceback may contain secrets."""

    reason = "ArtifactDownloadFailed"
    exit_code = 1

    def __init__(self, error: Exception) -> None:
        super().__init__(f"model-init failed with an unexpected {type(error).__name__}; please report this")


class DownloadFailed(Failure):
    """The artifact could not be fetched."""

    reason = "ArtifactDownloadFailed"
    exit_code = 10


class NotFound(DownloadFailed):
    """The artifact does not exist."""


class Interrupted(DownloadFailed):
    """A temporary failure that is worth a retry: a network error, a timeout, a 5xx.

    ``pause`` is the server's ``Retry-After`` in seconds.
    """

    def __init__(self, message: str, pause: float = 0) -> None:
        super().__init__(message)
        self.pause = pause


class Overloaded(Interrupted):
    """The server is overloaded (429, 503): fewer concurrent requests may help."""


class Changed(Interrupted):
    """The artifact changed during the download: all of it has to be fetched again."""


class DigestMismatch(Failure):
    """The artifact's digest is not the expected one."""

    reason = "ArtifactDigestMismatch"
    exit_code = 11


class Invalid(Failure):
    """The artifact is not an archive that can be unpacked safely."""

    reason = "ArtifactUnsafe"
    exit_code = 12


class TooLarge(Failure):
    """The artifact exceeds a limit or the space on the volume."""

    reason = "ArtifactTooLarge"
    exit_code = 13


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
