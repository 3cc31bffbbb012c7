"""Runs gor: it sends what it is fed, and each response is handed over as it arrives. It must not judge.

    payloads ──> pipe ──> gor --input-file ──> target
                          gor's middleware (tap) ──> pipe ──> on_response
                          stderr: end of the file, requests that failed

gor queues whatever it reads, and passes requests and responses through the same
middleware. So it is fed no more than its queues hold: they never fill, and never block
each other.
"""

import contextlib
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
TICK_SECONDS = 0.05
STOP_SECONDS = 10.0
FAILED = b"[HTTP-OUTPUT] error when sending:"
TIMED_OUT, REFUSED, CLOSED, OTHER = "timed_out", "refused", "closed", "other"
KINDS = (
    (re.compile(rb"Client\.Timeout|deadline exceeded|i/o timeout"), TIMED_OUT),
    (re.compile(rb"connection refused|no such host|no route to host|unreachable"), REFUSED),
    (re.compile(rb"EOF|reset by peer|broken pipe|closed"), CLOSED),
)


@dataclass(frozen=True)
class Sending:
    """How to send. ``percent`` is gor's speed: 100 is that of the payloads' times.

    ``window``: requests at most that gor has and that have neither a response nor failed.
    ``longest_pause``: seconds between two requests, at this speed.
    """

    gor: str
    target: str
    percent: int
    connections: int
    timeout_seconds: float
    largest_message: int
    window: int
    longest_pause: float


@dataclass
class Outcome:
    """What gor reported of requests without a response."""

    failed: dict[str, int] = field(default_factory=dict)

    @property
    def failures(self) -> int:
        """All of them."""
        return sum(self.failed.values())


def run(folder: Path, sending: Sending, payloads: Iterator[bytes], on_response: Callable[[bytes], bool]) -> Outcome:
    """Until each request has a response or has failed, or nothing more arrives.

    ``payloads`` are records of gor's file format, in the order of their times. ``on_response``
    gets lines of hexadecimal digits, and returns whether it was a response that was missing.
    """
    os.mkfifo(folder / REQUESTS, 0o600)
    os.mkfifo(folder / RESPONSES, 0o600)
    responses = os.open(folder / RESPONSES, os.O_RDONLY | os.O_NONBLOCK)
    feed = Feed(folder / REQUESTS, payloads)
    try:
        with _started(folder, sending) as process:
            return _Watch(process, responses, feed, sending).until_over(on_response)
    finally:
        feed.close()
        os.close(responses)


class Feed:
    """Writes payloads to gor, as far as it reads and the window allows."""

    def __init__(self, path: Path, payloads: Iterator[bytes]) -> None:
        self.pipe: int | None = None
        self._path, self._payloads = path, payloads
        self._left = memoryview(b"")
        self.count = 0
        self.is_over = False

    def is_open(self) -> bool:
        """Whether gor has opened its end; before, what is written could be lost."""
        if self.pipe is None and not self.is_over:
            with contextlib.suppress(OSError):
                self.pipe = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
        return self.pipe is not None

    def has_more(self, *, may_begin: bool) -> bool:
        """Whether there is something to write now; after the last payload, none ever."""
        if not self._left and may_begin and not self.is_over:
            payload = next(self._payloads, None)
            self.is_over = payload is None
            if payload is not None:
                self._left, self.count = memoryview(payload), self.count + 1
        return bool(self._left)

    def write(self) -> None:
        """As much as the pipe takes."""
        if self.pipe is not None:
            with contextlib.suppress(BlockingIOError, BrokenPipeError):  # a gor that has ended is noticed elsewhere
                self._left = self._left[os.write(self.pipe, self._left[:AT_ONCE]) :]

    def close(self) -> None:
        """So gor finds the end of its file."""
        if self.pipe is not None:
            os.close(self.pipe)
            self.pipe = None


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
        *("--input-file", f"{REQUESTS}|{sending.percent}%", "--input-file-read-depth", str(sending.window // 2)),
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
    """Feeds gor, and reads the pipe with responses, and what gor reports."""

    def __init__(self, process: subprocess.Popen[bytes], pipe: int, feed: Feed, sending: Sending) -> None:
        assert process.stderr is not None  # noqa: S101 - it was requested
        self._process, self._feed, self._window = process, feed, sending.window
        self._patience = sending.timeout_seconds + sending.longest_pause + SLACK_SECONDS
        self._pipe, self._log = pipe, process.stderr.fileno()
        self._partial: dict[int, list[bytes]] = {self._pipe: [], self._log: []}
        self._outcome = Outcome()
        self._received = 0
        self._moved = time.monotonic()

    def until_over(self, on_response: Callable[[bytes], bool]) -> Outcome:
        """See ``run``."""
        with selectors.DefaultSelector() as selector:
            for descriptor in self._partial:
                selector.register(descriptor, selectors.EVENT_READ)
            while not self._is_over():
                self._choose(selector)
                for key, _ in selector.select(TICK_SECONDS if self._feed.pipe is None else 1.0):
                    if key.fd == self._feed.pipe:
                        self._feed.write()
                    else:
                        self._read(key.fd, selector, on_response)
        return self._outcome

    @property
    def _waiting(self) -> int:
        return self._feed.count - self._received - self._outcome.failures

    def _choose(self, selector: selectors.BaseSelector) -> None:
        """Waits for the pipe to gor only while there is something to write; closes it at the end."""
        if not self._feed.is_open() or self._feed.pipe is None:
            return
        is_chosen = self._feed.pipe in selector.get_map()
        has_more = self._feed.has_more(may_begin=self._waiting < self._window)
        if has_more and not is_chosen:
            selector.register(self._feed.pipe, selectors.EVENT_WRITE)
        elif not has_more and is_chosen:
            selector.unregister(self._feed.pipe)
        if self._feed.is_over:
            self._feed.close()

    def _is_over(self) -> bool:
        if self._process.poll() is not None:
            raise ReplayFailed(f"gor ended unexpectedly with exit code {self._process.returncode}")
        if self._feed.is_over and not self._waiting:
            return True
        return time.monotonic() - self._moved > self._patience

    def _read(self, descriptor: int, selector: selectors.BaseSelector, on_response: Callable[[bytes], bool]) -> None:
        lines = self._lines(descriptor)
        if lines is None:
            selector.unregister(descriptor)
        elif descriptor == self._log:
            self._note(lines)
        else:
            self._received += sum(map(on_response, lines))

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
            if FAILED in line:
                kind = next((name for pattern, name in KINDS if pattern.search(line)), OTHER)
                self._outcome.failed[kind] = self._outcome.failed.get(kind, 0) + 1
