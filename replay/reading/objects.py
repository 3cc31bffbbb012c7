"""Opens objects where they are: a folder, a claim, s3, gs, az, http. It must not know what they contain.

Stores are read as model-init reads artifacts: the same credentials, blocked addresses
and validators.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from fetcher.artifact import Part, Parts, Stream
from fetcher.failures import Failure
from fetcher.settings import Settings
from fetcher.sources import open_source, web_for
from outbound.credentials import read_credentials
from outbound.failures import SECRET, Interrupted, RequestFailed, public
from replay.failures import ReplayFailed

CHUNK = 1024 * 1024
ATTEMPTS = 5
T = TypeVar("T")


@dataclass(frozen=True)
class Object:
    """A file or object, by its path, and its content from the start."""

    path: str
    chunks: Callable[[], Iterator[bytes]]


def open_objects(where: str, settings: Settings) -> Iterator[Object]:
    """All objects of a folder or below a URL, in the order of their paths; raises ``ReplayFailed``."""
    if "://" not in where:
        yield from _files(Path(where))
        return
    credentials = _translated(lambda: read_credentials(settings.credentials), where)
    web = _translated(lambda: web_for(settings, credentials), where)
    try:
        opened = _translated(lambda: open_source(web, settings, credentials), where)
        if isinstance(opened, Stream):
            yield Object(where, lambda: _streamed(opened, where))
        else:
            yield from _parts(opened, where)
    finally:
        web.close()


def _parts(opened: Parts, where: str) -> Iterator[Object]:
    for part in opened.parts:
        path = os.fsdecode(part.path) if opened.is_folder else where
        yield Object(path, partial(_read, part))


def _files(folder: Path) -> Iterator[Object]:
    """Links are not followed below the folder."""
    if folder.is_file():
        yield Object(str(folder), partial(_file, folder))
        return
    if not folder.is_dir():
        raise ReplayFailed(f"{folder} does not exist")
    found = (Path(parent) / name for parent, _, names in os.walk(folder) for name in names)
    for path in sorted(path for path in found if path.is_file() and not path.is_symlink()):
        yield Object(str(path.relative_to(folder)), partial(_file, path))


def _file(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise ReplayFailed(f"{path} could not be read: {error.strerror}") from error


def _read(part: Part) -> Iterator[bytes]:
    for start in range(0, part.size, CHUNK):
        buffer = bytearray(min(CHUNK, part.size - start))
        _translated(partial(part.fill, start, memoryview(buffer)), os.fsdecode(part.path))
        yield bytes(buffer)


def _streamed(opened: Stream, where: str) -> Iterator[bytes]:
    chunks = opened.chunks
    while chunk := _translated(lambda: next(chunks, b""), where, attempts=1):
        yield chunk


def _translated(act: Callable[[], T], what: str, attempts: int = ATTEMPTS) -> T:
    """The result, after retries of what a retry may help; raises ``ReplayFailed``."""
    for attempt in range(1, attempts + 1):
        try:
            return act()
        except Interrupted as failure:
            if attempt == attempts:
                raise ReplayFailed(f"{public(what)} could not be read: {_words(failure)}") from failure
            time.sleep(max(failure.pause, 2.0 ** (attempt - 1)))
        except (Failure, RequestFailed, OSError) as failure:
            raise ReplayFailed(f"{public(what)} could not be read: {_words(failure)}") from failure
    raise AssertionError("unreachable")


def _words(failure: Exception) -> str:
    """The message, in this program's words for where credentials are."""
    return str(failure).replace(SECRET, "the folder of --credentials")
