"""Runs gor: it sends what is in its file, and each response is handed over as it arrives. It must not judge.

gor --input-file ──> target        gor's middleware (tap) ──> pipe ──> on_response
    stderr: end of the file, requests that failed
"""

import os
import re
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from replay.failures import ReplayFailed

REQUESTS, RESPONSES = "requests.gor", "responses"
AT_ONCE = 256 * 1024
SLACK_SECONDS = 10.0
STOP_SECONDS = 10.0
END_OF_FILE = b"[INPUT-FILE] FileInput: end of file"
FAILED = b"[HTTP-OUTPUT] error when sending:"
TIMED_OUT, REFUSED, CLOSED, OTHER = "timed_out", "refused", "closed", "other"
KINDS = (
    (re.compile(rb"Client\.Timeout|deadline exceeded|i/o timeout"), TIMED_OUT),
    (re.compile(rb"connection refused|no such host|no route to host|unreachable"), REFUSED),
    (re.compile(rb"EOF|reset by peer|broken pipe|closed"), CLOSED),
)


@dataclass(frozen=True)
class Sending:
    """How to send. ``percent`` is gor's speed: 100 is that of the file's times."""

    gor: str
    target: str
    percent: int
    connections: int
    timeout_seconds: float
    largest_message: int


@dataclass
class Outcome:
    """What gor reported of requests without a response."""

    is_read: bool = False
    failed: dict[str, int] = field(default_factory=dict)

    @property
    def failures(self) -> int:
        """All of them."""
        return sum(self.failed.values())


def run(folder: Path, sending: Sending, count: int, on_response: Callable[[bytes], bool]) -> Outcome:
    """Until each of ``count`` requests has a response or has failed, or nothing more arrives.

    ``on_response`` gets lines of hexadecimal digits, and returns whether it was a response that was missing.
    """
    os.mkfifo(folder / RESPONSES, 0o600)
    pipe = os.open(folder / RESPONSES, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with _started(folder, sending) as process:
            return _Watch(process, pipe, sending.timeout_seconds + SLACK_SECONDS).until(count, on_response)
    finally:
        os.close(pipe)


@contextmanager
def _started(folder: Path, sending: Sending) -> Iterator[subprocess.Popen[bytes]]:
    try:
        process = subprocess.Popen(  # noqa: S603 - arguments of the person who started the replay; no shell
            command(sending), cwd=folder, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
    except OSError as error:
        raise ReplayFailed(f"gor could not be started ({error.strerror}): {sending.gor}; see --gor") from error
    with process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def command(sending: Sending) -> list[str]:
    """The command line of gor, in the folder with its file."""
    return [
        *(sending.gor, "--verbose", "1"),
        *("--input-file", f"{REQUESTS}|{sending.percent}%"),
        *("--output-http", sending.target, "--output-http-track-response", "--http-original-host"),
        *("--output-http-redirects", "0", "--output-http-timeout", f"{sending.timeout_seconds:.3f}s"),
        *("--output-http-workers", str(sending.connections)),
        *("--copy-buffer-size", str(sending.largest_message)),
        *("--middleware", f"{sys.executable} -m replay.gor.tap {RESPONSES} {2 * sending.largest_message}"),
    ]


def _environment() -> dict[str, str]:
    """No proxies: what is sent goes to the target itself, as its pods' addresses may be no proxy's business."""
    ours = str(Path(__file__).parents[2])
    kept = {name: os.environ[name] for name in ("PATH", "SSL_CERT_FILE", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, (ours, os.environ.get("PYTHONPATH", ""))))}


class _Watch:
    """Reads the pipe with responses, and what gor reports."""

    def __init__(self, process: subprocess.Popen[bytes], pipe: int, patience: float) -> None:
        assert process.stderr is not None  # noqa: S101 - it was requested
        self._process, self._patience = process, patience
        self._pipe, self._log = pipe, process.stderr.fileno()
        self._partial: dict[int, list[bytes]] = {self._pipe: [], self._log: []}
        self._outcome = Outcome()
        self._moved = time.monotonic()

    def until(self, count: int, on_response: Callable[[bytes], bool]) -> Outcome:
        """See ``run``."""
        received = 0
        with selectors.DefaultSelector() as selector:
            for descriptor in self._partial:
                selector.register(descriptor, selectors.EVENT_READ)
            while received + self._outcome.failures < count and not self._is_over():
                for key, _ in selector.select(1.0):
                    lines = self._lines(key.fd)
                    if lines is None:
                        selector.unregister(key.fd)
                    elif key.fd == self._log:
                        self._note(lines)
                    else:
                        received += sum(map(on_response, lines))
        return self._outcome

    def _is_over(self) -> bool:
        if self._process.poll() is not None:
            raise ReplayFailed(f"gor ended unexpectedly with exit code {self._process.returncode}")
        return self._outcome.is_read and time.monotonic() - self._moved > self._patience

    def _lines(self, descriptor: int) -> list[bytes] | None:
        """Complete lines that have arrived; None at the end."""
        chunk = os.read(descriptor, AT_ONCE)
        if not chunk:
            return None
        self._moved = time.monotonic()
        partial = self._partial[descriptor]
        if b"\n" not in chunk:
            partial.append(chunk)
            return []
        first, *lines, rest = chunk.split(b"\n")
        whole = b"".join((*partial, first))
        self._partial[descriptor] = [rest]
        return [whole, *lines]

    def _note(self, lines: list[bytes]) -> None:
        """Counts; a line itself may contain captured data, and is not shown."""
        for line in lines:
            self._outcome.is_read |= END_OF_FILE in line
            if FAILED in line:
                kind = next((name for pattern, name in KINDS if pattern.search(line)), OTHER)
                self._outcome.failed[kind] = self._outcome.failed.get(kind, 0) + 1
