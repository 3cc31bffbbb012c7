"""The spool, as nginx writes it (images/nginx/spool.js): a file for each slot of time, and an account beside them.

Files have the process's random name in theirs, so nothing is appended to what a killed one has left.
"""

import json
import os
import secrets
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from recorder.record import Dropped

SLOT_SECONDS = 10
LARGEST_FILE = 16 * 1024 * 1024
MOST_FILES = 4096
FRESH_SECONDS = 1.0
PAUSE_SECONDS = 1.0
ACCOUNT, DRAFT = ".recorder.json", ".recorder.tmp"
APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class Spool:
    """Appends records within a budget of bytes."""

    def __init__(self, folder: Path, budget: int) -> None:
        self._folder, self._budget = folder, budget
        self._boot = secrets.token_hex(8)
        self._sequence = 0
        self._slot, self._part, self._length = 0, 0, 0
        self._taken, self._files, self._seen, self._failed = 0, 0, float("-inf"), float("-inf")

    def append(self, record: dict[str, Any], now: float) -> None:
        """Raises ``Dropped``."""
        place = {"boot": self._boot, "sequence": self._sequence + 1}
        line = msgspec.json.encode(record | {"mlendpoints": record["mlendpoints"] | place}) + b"\n"
        if len(line) > LARGEST_FILE:
            raise Dropped("too_large")
        if 0 <= now - self._failed < PAUSE_SECONDS:
            raise Dropped("write_failed")
        if not self._has_room(len(line), now):
            raise Dropped("spool_full")
        self._choose(len(line), now)
        self._write(line, now)
        self._sequence += 1

    def _has_room(self, size: int, now: float) -> bool:
        if not 0 <= now - self._seen < FRESH_SECONDS:
            found = [entry.stat(follow_symlinks=False).st_size for entry in self._records()]
            self._taken, self._files, self._seen = sum(found), len(found), now
        return self._taken + size <= self._budget and self._files < MOST_FILES

    def _records(self) -> list[os.DirEntry[str]]:
        with os.scandir(self._folder) as entries:
            return [entry for entry in entries if entry.name.endswith(".jsonl")]

    def _choose(self, size: int, now: float) -> None:
        slot = int(now) // SLOT_SECONDS * SLOT_SECONDS
        if slot > self._slot:
            self._slot, self._part, self._length = slot, 0, 0
        elif self._length + size > LARGEST_FILE:
            self._part, self._length = self._part + 1, 0

    def _write(self, line: bytes, now: float) -> None:
        part = f"-{self._part}" if self._part else ""
        path = self._folder / f"{self._slot}-{self._boot}{part}.jsonl"
        try:
            descriptor = os.open(path, APPEND, 0o644)
            try:
                if os.write(descriptor, line) != len(line):
                    raise OSError("no room for the whole record")
            finally:
                os.close(descriptor)
        except OSError as error:
            self._failed = now
            self._part, self._length = self._part + 1, 0  # behind a part of a line, nothing may follow
            raise Dropped("write_failed") from error
        self._taken, self._length = self._taken + len(line), self._length + len(line)


class Account:
    """Results of requests by reason, for nginx's metrics; continued by the next process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._results: Counter[str] = Counter(_load(folder / ACCOUNT))
        self._is_saved = False

    def count(self, result: str) -> None:
        """``captured``, ``sampled_out``, or the reason for which there is no record."""
        self._results[result] += 1
        self._is_saved = False

    def save(self) -> None:
        """Where something has changed; raises ``OSError``."""
        if self._is_saved:
            return
        (self._folder / DRAFT).write_text(json.dumps({"results": self._results}))
        (self._folder / DRAFT).replace(self._folder / ACCOUNT)
        self._is_saved = True


def _load(path: Path) -> dict[str, int]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, int]]).get("results", {})
    except (OSError, msgspec.MsgspecError):
        return {}
