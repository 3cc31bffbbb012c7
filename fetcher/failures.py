"""What can go wrong with an artifact, by the names that endpoints show, and the exit code of each.

It must not decide whether to try again; only ``Interrupted`` says that it is worth it.
"""

from typing import ClassVar
from urllib.parse import urlsplit


class Failure(Exception):  # noqa: N818 - the subclasses are named as the reasons are
    """A reason from the API's closed list, with a message that says how to mend it."""

    reason: ClassVar[str]
    exit_code: ClassVar[int]


class Unexpected(Failure):
    """A fault of model-init itself. Only its kind is shown, since its text and traceback may hold anything."""

    reason = "ArtifactDownloadFailed"
    exit_code = 1

    def __init__(self, error: Exception) -> None:
        super().__init__(f"model-init failed with an unexpected {type(error).__name__}; please report this")


class DownloadFailed(Failure):
    """The artifact could not be fetched."""

    reason = "ArtifactDownloadFailed"
    exit_code = 10


class NotFound(DownloadFailed):
    """The same, because nothing is there."""


class Interrupted(DownloadFailed):
    """The same, for a cause that may have gone a moment later: a network error, a 5xx.

    ``pause`` is how many seconds the server has asked to be left alone.
    """

    def __init__(self, message: str, pause: float = 0) -> None:
        super().__init__(message)
        self.pause = pause


class Overloaded(Interrupted):
    """The same, from a server that has too much to do: fewer requests at a time may help."""


class Changed(Interrupted):
    """What is being fetched was replaced by something else meanwhile: all of it has to be fetched again."""


class DigestMismatch(Failure):
    """What was fetched is not what was asked for."""

    reason = "ArtifactDigestMismatch"
    exit_code = 11


class Invalid(Failure):
    """What was fetched is no archive that may be unpacked."""

    reason = "ArtifactUnsafe"
    exit_code = 12


class TooLarge(Failure):
    """What was fetched is more than it may be, or than there is room for."""

    reason = "ArtifactTooLarge"
    exit_code = 13


def public(url: str) -> str:
    """The URL without what may be secret in it: user, password, query and fragment.

    A password with a slash makes a URL that breaks apart elsewhere; its port then is no number.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "the artifact's URL"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
