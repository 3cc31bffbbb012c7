"""What can go wrong with an artifact, by the names that endpoints show, and the exit code of each.

It must not decide whether to try again; only ``Interrupted`` says that it is worth it.
"""

from typing import ClassVar
from urllib.parse import urlsplit


class Failure(Exception):  # noqa: N818 - the subclasses are named as the reasons are
    """A reason from the API's closed list, with a message that says how to mend it."""

    reason: ClassVar[str]
    exit_code: ClassVar[int]


class DownloadFailed(Failure):
    """The artifact could not be fetched, or there was no room for it."""

    reason = "ArtifactDownloadFailed"
    exit_code = 10


class Interrupted(DownloadFailed):
    """The same, for a cause that may have gone a moment later: a network error, a 5xx."""


class DigestMismatch(Failure):
    """What was fetched is not what was asked for."""

    reason = "ArtifactDigestMismatch"
    exit_code = 11


class Invalid(Failure):
    """What was fetched is no archive that may be unpacked."""

    reason = "ArtifactInvalid"
    exit_code = 12


def public(url: str) -> str:
    """The URL without what may be secret in it: user, password, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
