"""Daemons: start, find and end them, and never anything else.

A daemon carries its state folder and its name in its own environment (`MLENDPOINTS_PROCESS=<state>:<name>`), and so do
its children (containerd's shims). That mark comes and goes with the process: no file can be lost when `up` is killed
between a start and its record, and a recycled pid never carries it. A pid file is written beside the log for people.
Signals go through a pidfd that is opened before the mark is read, so the process that gets the signal is the one whose
mark was seen.
"""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cluster.commands import last_words
from cluster.errors import ClusterError
from cluster.steps import wait_until

MARK = "MLENDPOINTS_PROCESS"
GONE = (FileNotFoundError, ProcessLookupError, PermissionError)


@dataclass(frozen=True)
class Daemon:
    """A program that runs in the background: its name, command line, and what it finds in its environment."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


def ensure_running(daemon: Daemon, *, state: Path) -> None:
    """Start `daemon` unless it runs already with this very command line; one with another command line is replaced."""
    pids = find_pids(state, daemon.name)
    if len(pids) == 1 and _command_of(pids[0]) == list(daemon.command):
        return
    end_processes(state, daemon.name)
    _start(daemon, state=state)


def require_running(name: str, *, state: Path) -> None:
    """ClusterError with the log's last lines when the daemon has died."""
    if not find_pids(state, name):
        log = log_path(state, name)
        raise ClusterError(f"{name} has ended; the last lines of {log}:\n{last_words(log.read_text(errors='replace'))}")


def find_pids(state: Path, name: str) -> list[int]:
    """Processes started as `name` under `state`, without their descendants in other sessions."""
    return [pid for pid in marked_pids(state, name) if os.getsid(pid) == pid and not _is_shim(pid)]


def marked_pids(state: Path, name: str = "") -> list[int]:
    """All processes that carry the mark of `state`, of any name or only of `name`, with their descendants."""
    wanted = f"{MARK}={state}:{name}".encode()
    return [pid for pid in _all_pids() if _carries(pid, wanted, exact=bool(name))]


def end_processes(state: Path, name: str = "", *, seconds: float = 10) -> None:
    """Ask the processes to end, kill what is left, return when all are gone. One name's end spares the pods' shims."""
    pids = find_pids(state, name) if name else marked_pids(state)
    _signal_all(pids, state, signal.SIGTERM)
    with suppress(ClusterError):
        wait_until(lambda: not _living(pids, state), what="", seconds=seconds)
    _signal_all(pids, state, signal.SIGKILL)
    wait_until(lambda: not _living(pids, state), what=f"the end of {name or 'all processes'}", seconds=10)


def log_path(state: Path, name: str) -> Path:
    """The file that takes a daemon's stdout and stderr."""
    return state / "logs" / f"{name}.log"


def _start(daemon: Daemon, *, state: Path) -> None:
    log = log_path(state, daemon.name)
    log.parent.mkdir(parents=True, exist_ok=True)
    mark = {MARK: f"{state}:{daemon.name}"}
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(daemon.command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=state,
            env={**os.environ, **daemon.environment, **mark},
        )
    log.with_suffix(".pid").write_text(f"{process.pid}\n")
    wait_until(
        lambda: process.poll() is not None or _shows(process.pid), what=f"the start of {daemon.name}", seconds=10
    )


def _shows(pid: int) -> bool:
    """Whether its environment is to be seen, which the kernel shows a moment after exec has succeeded."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes() != b""
    except OSError:
        return False


def _all_pids() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())


def _carries(pid: int, wanted: bytes, *, exact: bool) -> bool:
    try:
        marks = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except (*GONE, OSError):
        return False
    return any(mark == wanted or (not exact and mark.startswith(wanted)) for mark in marks)


def _command_of(pid: int) -> list[str]:
    with suppress(*GONE):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    return []


def _is_shim(pid: int) -> bool:
    return any(word.endswith("containerd-shim-runc-v2") for word in _command_of(pid)[:1])


def _living(pids: Sequence[int], state: Path) -> list[int]:
    mark = f"{MARK}={state}:".encode()
    return [pid for pid in pids if _carries(pid, mark, exact=False)]


def _signal_all(pids: Sequence[int], state: Path, number: signal.Signals) -> None:
    for pid in pids:
        with suppress(*GONE):
            _signal(pid, state, number)


def _signal(pid: int, state: Path, number: signal.Signals) -> None:
    handle = os.pidfd_open(pid)
    try:
        if _living([pid], state):
            signal.pidfd_send_signal(handle, number)
    finally:
        os.close(handle)
