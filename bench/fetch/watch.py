"""Runs a command; how long it takes, or the most memory and disk that it ever takes."""

import contextlib
import os
import resource
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.fetch.figures import Work

LONGEST_SECONDS = 300.0
_EVERY_SECONDS = 0.005


@dataclass(frozen=True)
class Peaks:
    """In bytes: resident memory of all its processes together, and blocks of the volume."""

    memory: int
    disk: int


class Failed(Exception):  # noqa: N818 - it is the sentence a person reads
    """A contestant that did not do what it was asked."""


def timed(command: Sequence[str], environment: Mapping[str, str]) -> Work:
    """From its start until it has ended; raises ``Failed``."""
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd="/", env=environment, capture_output=True, check=False, timeout=LONGEST_SECONDS)
    seconds, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise Failed(f"{command[0]} ended with {done.returncode}: {(done.stderr or done.stdout).decode()[-800:]}")
    return Work(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def watched(command: Sequence[str], environment: Mapping[str, str], volume: Path) -> Peaks:
    """Looks at it all the time, which slows it down; raises ``Failed``."""
    memory: dict[int, int] = {}
    disk = 0
    with (
        subprocess.Popen(
            command, cwd="/", env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process,
        _ended(process),
    ):
        until = time.monotonic() + LONGEST_SECONDS
        while process.poll() is None and time.monotonic() < until:
            all_of_it = list(family(process.pid))
            for each in all_of_it:
                memory[each] = max(memory.get(each, 0), peak_memory(each))
            disk = max(disk, blocks(volume) + nameless(all_of_it))
            time.sleep(_EVERY_SECONDS)
    if process.returncode:
        raise Failed(f"{command[0]} ended with {process.returncode}")
    return Peaks(sum(memory.values()), disk)


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()


def blocks(folder: Path) -> int:
    """Bytes on the disk of all files below, while others make and remove them."""
    count = 0
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for entry in os.scandir(folder):
            with contextlib.suppress(FileNotFoundError):
                if entry.is_dir(follow_symlinks=False):
                    count += blocks(Path(entry.path))
                else:
                    count += entry.stat(follow_symlinks=False).st_blocks * 512
    return count


def family(pid: int) -> Iterator[int]:
    """The process and all below it."""
    yield pid
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield from family(int(child))


def peak_memory(pid: int) -> int:
    """The most that was resident, in bytes; 0 of a process that has ended."""
    with contextlib.suppress(OSError):
        _, found, rest = Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")
        return int(rest.split()[0]) * 1024 if found else 0
    return 0


def nameless(pids: Sequence[int]) -> int:
    """Bytes on the disk of files that they have open, and that have no name any more."""
    found: dict[tuple[int, int], int] = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for entry in os.scandir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    facts = os.stat(entry.path)  # noqa: PTH116 - follows what /proc shows as a link
                    if not facts.st_nlink:
                        found[facts.st_dev, facts.st_ino] = facts.st_blocks * 512
    return sum(found.values())
