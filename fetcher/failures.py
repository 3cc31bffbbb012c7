"""Failures of an artifact, by the reasons that endpoints show, and their exit codes.

Requests fail with those of ``outbound``, which become ``DownloadFailed`` once they are not retried.
"""

from typing import ClassVar

from outbound.failures import SECRET, Interrupted, RequestFailed


def words(failure: Exception) -> str:
    """The message, with the field's name for where credentials are."""
    return str(failure).replace(SECRET, "the artifactSecret")


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


class NotFound(RequestFailed):
    """The artifact does not exist."""


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
