"""``python3 -m recorder``: settings from the environment; runs gor until SIGTERM, or until gor ends.

Exit codes: 0 stopped; 1 gor has ended; 2 a variable is missing or invalid, or gor cannot be started.
"""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from recorder.recording import Recording
from recorder.settings import InvalidSettings, Process, parse
from recorder.spool import Account, Spool

STOP_SECONDS = 5.0
LARGEST_GOR = 320 << 20  # bytes: below the container's limit, so that an endless response ends gor, not the container
PIPE = "captured"


def main(environment: Mapping[str, str]) -> int:
    """The process's exit code."""
    try:
        process = parse(environment)
        return record(process)
    except (InvalidSettings, OSError) as error:
        sys.stderr.write(f"Failed to start: {error}\n")
        return 2


def record(process: Process) -> int:
    """Raises ``OSError``."""
    pipe = process.scratch / PIPE
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe, 0o600)
    folder = Path(process.settings.folder)
    recording = Recording(process.settings, Spool(folder, process.settings.spool), Account(folder))
    stopped = False
    with subprocess.Popen(command(process, pipe), stdout=subprocess.DEVNULL, env=_environment()) as gor:  # noqa: S603

        def stop(*_: object) -> None:
            nonlocal stopped
            stopped = True
            gor.terminate()

        signal.signal(signal.SIGTERM, stop)
        resource.prlimit(gor.pid, resource.RLIMIT_DATA, (LARGEST_GOR, LARGEST_GOR))
        recording.run(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), lambda: gor.poll() is None)
        gor.terminate()
        gor.wait(STOP_SECONDS)
    return 0 if stopped else 1


def command(process: Process, pipe: Path) -> list[str]:
    """Requests to the model on the pod's loopback interface, and responses."""
    return [
        *(process.gor, "--input-raw", f"127.0.0.1:{process.port}", "--input-raw-track-response"),
        *("--output-null", "--middleware", f"{sys.executable} -m recorder.tap {pipe}"),
    ]


def _environment() -> dict[str, str]:
    """One thread: gor's parsers, of which it has ten, lose messages of several packets if they run at the same time."""
    ours = str(Path(__file__).parents[1])
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "GOMAXPROCS": "1",
        "GOMEMLIMIT": "192MiB",
        "PYTHONPATH": os.pathsep.join(filter(None, (ours, os.environ.get("PYTHONPATH", "")))),
    }


if __name__ == "__main__":
    sys.exit(main(os.environ))
