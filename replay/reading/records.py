"""All records of the objects at a place, whichever engine captured them. It must not decide what is replayed."""

from collections.abc import Iterator
from dataclasses import dataclass

from fetcher.settings import Settings
from replay.exchange import Exchange, Skipped, Unusable
from replay.reading import gor_file
from replay.reading.captured import read_line
from replay.reading.lines import lines
from replay.reading.objects import Object, open_objects

CAPTURED, GOR = ".jsonl", ".gor"


@dataclass
class Seen:
    """Objects by whether they were read."""

    objects: int = 0
    ignored: int = 0


def records(where: str, settings: Settings, longest: int, seen: Seen) -> Iterator[Exchange | Skipped]:
    """Exchanges, and reasons in place of records that are none; raises ``ReplayFailed``."""
    for each in open_objects(where, settings):
        name = each.path.partition("?")[0]
        if name.endswith(GOR):
            seen.objects += 1
            yield from gor_file.exchanges(each.chunks(), longest)
        elif name.endswith(CAPTURED):
            seen.objects += 1
            yield from _captured(each, longest)
        else:
            seen.ignored += 1


def _captured(found: Object, longest: int) -> Iterator[Exchange | Skipped]:
    for line in lines(found.chunks(), longest):
        if isinstance(line, Skipped):
            yield line
        elif line:
            yield _read(line)


def _read(line: bytes) -> Exchange | Skipped:
    try:
        return read_line(line)
    except Unusable as unusable:
        return unusable.reason
