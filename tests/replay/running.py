"""What a replay left."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Replay:
    """Exit code, report and standard error."""

    code: int
    report: Any
    said: str


def written(folder: Path, *lines: bytes, name: str = "titanic/blue/2026/11/26/10/pod-1-b.jsonl") -> Path:
    """A folder with one object of these lines."""
    path = folder / "captured" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return folder / "captured"
