"""Runs model-init in this process or as one of its own, and looks at what it left."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fetcher.__main__ import main
from tests.unit.fetcher.origin import Origin

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Place:
    """A volume and a termination log in a scratch folder."""

    scratch: Path

    @property
    def volume(self) -> Path:
        return self.scratch / "volume"

    @property
    def model(self) -> Path:
        return self.volume / "model"

    @property
    def termination_log(self) -> Path:
        return self.scratch / "termination-log"

    def arguments(self, url: str, *more: str) -> list[str]:
        """A command line whose attempts follow each other at once."""
        self.volume.mkdir(exist_ok=True)
        self.termination_log.write_text("")
        fixed = ["--artifact", url, "--volume", str(self.volume), "--termination-log", str(self.termination_log)]
        return [*fixed, "--allow-address", "127.0.0.0/8", "--pause-seconds", "0", *more]

    def run(self, origin: Origin, *more: str, name: str = "model.tar.gz") -> int:
        """The exit code of a run in this process."""
        return main(self.arguments(f"{origin.url}/{name}", *more))

    def start(self, origin: Origin, *more: str) -> subprocess.Popen[str]:
        """A process of its own."""
        return self.started(self.arguments(f"{origin.url}/model.tar.gz", *more))

    def started(self, arguments: list[str]) -> subprocess.Popen[str]:
        """A process with these arguments."""
        command = [sys.executable, "-m", "fetcher", *arguments]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    def secret(self, values: Mapping[str, str]) -> Path:
        """A folder as that of a mounted Secret."""
        folder = self.scratch / "secret"
        folder.mkdir(exist_ok=True)
        for key, value in values.items():
            (folder / key).write_text(value)
        return folder

    def said(self) -> dict[str, str]:
        """The termination message."""
        message: dict[str, str] = json.loads(self.termination_log.read_text())
        return message

    def visible(self) -> list[str]:
        """Names in the volume but the lock's, and what is kept for a later run."""
        return sorted(path.name for path in self.volume.iterdir() if path.name not in {".lock", ".partial"})

    def files(self) -> dict[str, bytes]:
        """Path and content of each file of the model."""
        found = (path for path in self.model.rglob("*") if path.is_file())
        return {str(path.relative_to(self.model)): path.read_bytes() for path in found}


PEAK = """
import sys
from pathlib import Path
from fetcher.__main__ import main
code = main(sys.argv[1:])
print(Path("/proc/self/status").read_text())
sys.exit(code)
"""


def peak_of(arguments: list[str]) -> int:
    """Runs a process with these arguments; the most memory it ever had, in KiB."""
    command = [sys.executable, "-c", PEAK, *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return int(done.stdout.split("VmHWM:")[1].split()[0])


def line_with(stream: IO[str] | None, text: str) -> str:
    """Reads on until a line holds the text."""
    assert stream is not None
    return next(line for line in stream if text in line)


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Root may read everything."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
