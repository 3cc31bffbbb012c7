"""Node directories: which of them a namespace may use, and where in them its files lie.

A volume is always ``PREFIX/NAMESPACE``, a directory created by the administrator.
No tenant can name another's, nor replace it by a link, since no pod mounts the
prefix itself. Whatever a variant's ``path`` says below the prefix
becomes a folder in that volume, which the kubelet enters without following links.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from posixpath import normpath

from msgspec import Struct

from mlendpoints.api.model import Model
from mlendpoints.core.world import Settings


class Directory(Struct, frozen=True):
    """The directory that is mounted, and the folder in it below which instances have theirs; empty: itself."""

    volume: str
    folder: str = ""


def prefixes(namespace: str, settings: Settings) -> tuple[str, ...]:
    """Those that pods of a namespace may have: ``/DIRECTORY``, or ``NAMESPACE=/DIRECTORY`` for one alone."""
    pairs = (entry.rpartition("=") for entry in settings.allowed_path_prefixes)
    return tuple(normpath(prefix) for owner, _, prefix in pairs if owner in ("", namespace))


def locate(path: str, namespace: str, settings: Settings) -> Directory | None:
    """Where the files of a variant with this ``path`` are; None if that is below no prefix of the namespace."""
    requested = PurePosixPath(normpath(path))
    for prefix in prefixes(namespace, settings):
        if requested.is_relative_to(prefix):
            rest = str(requested.relative_to(prefix))
            return Directory(f"{prefix}/{namespace}", "" if rest == "." else rest)
    return None


def is_allowed(instance: Model, settings: Settings) -> bool:
    """Whether the volume of an instance may still be created: prefixes change, and instances may be forged."""
    namespace, path = instance.metadata.namespace, instance.spec.instance.path if instance.spec.instance else ""
    return path in {f"{prefix}/{namespace}" for prefix in prefixes(namespace, settings)}


def why_not(instance: Model, settings: Settings) -> str:
    """Why the volume of an instance may not be created, and what to do."""
    namespace, path = instance.metadata.namespace, instance.spec.instance.path if instance.spec.instance else ""
    if locate(path, namespace, settings) is None:
        return (
            f"namespace {namespace} may not use the node directory {path}. Ask the administrator to allow it,"
            " or change path in the config."
        )
    prefix = next(prefix for prefix in prefixes(namespace, settings) if PurePosixPath(path).is_relative_to(prefix))
    return (
        f"an earlier version of the operator created it for the node directory {path}, which is not the one of the"
        f" namespace, {prefix}/{namespace}. Change path in the config, for example to {path.rstrip('/')}/new: that"
        f" creates a new version, which has its volume in {prefix}/{namespace}, and fetches its artifact there again."
    )


def overlapping(entries: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Prefixes of which one lies in another: a namespace's directory in one would be a folder in the other."""
    known = sorted({normpath(entry.rpartition("=")[2]) for entry in entries})
    for outer in known:
        yield from ((outer, inner) for inner in known if inner != outer and PurePosixPath(inner).is_relative_to(outer))
