"""The program that keeps a sidecar's process running, whatever that does: real processes."""

import ctypes
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from images.catalogue import host_platform
from images.compiled import compiled
from tests.images.processes import ROOT
from tests.kit.waiting import wait_until

PR_SET_CHILD_SUBREAPER = 36
FOREVER = "3600s"
Run = Callable[..., "Supervised"]


class Supervised:
    """A running supervisor, and what it and its process have written."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process, self.log = process, log

    def reports(self) -> list[dict[str, Any]]:
        """Its own complete lines."""
        lines = self.log.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]

    def until_reports(self, count: int) -> list[dict[str, Any]]:
        """Waits for as many restarts."""
        return wait_until(lambda: found if len(found := self.reports()) >= count else None, f"{count} reports")

    def until_says(self, words: str) -> str:
        """Waits for a line of the process: the rest of it."""

        def rest() -> str | None:
            lines = self.log.read_text().splitlines(keepends=True)
            found = (line.partition(words)[2] for line in lines if line.startswith(words) and line.endswith("\n"))
            return next((text.strip() or "nothing" for text in found), None)

        return wait_until(rest, f"the process says {words}", last=self.log.read_text)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Its exit code."""
        self.process.send_signal(number)
        return self.process.wait()


@pytest.fixture(scope="session")
def program() -> Path:
    return compiled(ROOT / "supervisor", host_platform())


@pytest.fixture
def run(program: Path, tmp_path: Path) -> Iterator[Run]:
    """Starts it as the process that inherits orphans, as the first of a container does."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*command: str, first: str = "1ms", longest: str = FOREVER) -> Supervised:
        log = tmp_path / f"log-{len(started)}"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [program, "run", "-first", first, "-longest", longest, "--", *command],
                stdout=output,
                stderr=output,
                preexec_fn=lambda: ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1),  # noqa: PLW1509 - no threads here
            )
        started.append(process)
        return Supervised(process, log)

    yield start
    for process in started:
        process.kill()
        process.wait()


def a_program(source: str) -> tuple[str, ...]:
    return (sys.executable, "-u", "-c", source)


def test_a_process_that_ends_is_restarted_after_pauses_that_double(run: Run) -> None:
    supervised = run("sh", "-c", "exit 3", first="10ms")

    reports = supervised.until_reports(5)[:5]

    assert [report["restart_after_seconds"] for report in reports] == [0.01, 0.02, 0.04, 0.08, 0.16]
    assert [report["restarts"] for report in reports] == [1, 2, 3, 4, 5]
    assert {report["end"] for report in reports} == {"exit code 3"}


def test_pauses_have_a_limit(run: Run) -> None:
    reports = run("missing-program", first="1ms", longest="2ms").until_reports(4)
    assert max(report["restart_after_seconds"] for report in reports) == 0.002


def test_a_process_that_ran_for_as_long_as_the_longest_pause_starts_over(run: Run) -> None:
    reports = run("sleep", "0.01", first="1ms", longest="4ms").until_reports(4)
    assert {report["restart_after_seconds"] for report in reports} == {0.001}


def test_a_killed_process_is_restarted(run: Run) -> None:
    supervised = run(*a_program("import os, time; print('pid', os.getpid()); time.sleep(3600)"))
    os.kill(int(supervised.until_says("pid")), signal.SIGKILL)
    assert supervised.until_reports(1)[0]["end"] == "killed by signal 9"


def test_a_program_that_cannot_be_started_does_not_end_it(run: Run) -> None:
    supervised = run("missing-program")
    assert "executable file not found" in supervised.until_reports(3)[0]["end"]
    assert supervised.process.poll() is None


def test_on_sigterm_it_waits_for_the_process_which_gets_it_too_and_both_end_in_order(run: Run) -> None:
    supervised = run(
        *a_program(
            "import signal, sys\n"
            "def end(*_):\n    print('last words')\n    sys.exit(7)\n"
            "signal.signal(signal.SIGTERM, end)\nprint('ready')\nwhile True: signal.pause()"
        )
    )
    supervised.until_says("ready")
    assert supervised.stop() == 0
    assert "last words" in supervised.log.read_text()


def test_on_sigterm_it_ends_at_once_while_no_process_runs(run: Run) -> None:
    supervised = run("false", first=FOREVER)
    supervised.until_reports(1)
    assert supervised.stop() == 0


def test_other_signals_reach_the_process_and_stop_nothing(run: Run) -> None:
    supervised = run(
        *a_program(
            "import signal\nsignal.signal(signal.SIGHUP, lambda *_: print('reloaded'))\n"
            "print('ready')\nwhile True: signal.pause()"
        )
    )
    supervised.until_says("ready")
    supervised.process.send_signal(signal.SIGHUP)
    supervised.until_says("reloaded")
    assert supervised.process.poll() is None


def test_what_a_process_leaves_behind_does_not_keep_its_ports(run: Run) -> None:
    supervised = run("sh", "-c", "sleep 3600 & echo left $!; exit 1", first=FOREVER)
    left = Path("/proc") / supervised.until_says("left")
    wait_until(lambda: not left.exists() or _is_dead(left), "what was left is gone")


def _is_dead(process: Path) -> bool:
    try:
        return "State:\tZ" in (process / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_it_reaps_orphans_as_the_first_process_of_a_container(run: Run) -> None:
    supervised = run("sh", "-c", "sh -c 'sleep 0.01 & echo orphan $!'; exec sleep 3600")
    orphan = Path("/proc") / supervised.until_says("orphan")
    wait_until(lambda: not orphan.exists(), "no zombie is left")


def test_the_process_has_its_environment_and_output(program: Path) -> None:
    done = subprocess.Popen(
        [program, "run", "--", "sh", "-c", 'echo "$GREETING"; kill -TERM $PPID; sleep 3600'],
        env={"GREETING": "hello", "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    output, _ = done.communicate()
    assert (done.returncode, output) == (0, b"hello\n")


@pytest.mark.parametrize("already", [False, True])
def test_it_copies_itself_for_images_without_it_and_becomes_the_other_program(
    program: Path, tmp_path: Path, *, already: bool
) -> None:
    if already:
        (tmp_path / "supervise").write_text("an earlier one")
        (tmp_path / "supervise").chmod(0o555)
    installing = subprocess.Popen([program, "install", tmp_path, "--", "sh", "-c", "echo $$"], stdout=subprocess.PIPE)
    output, _ = installing.communicate()

    copy = tmp_path / "supervise"
    assert (installing.returncode, int(output)) == (0, installing.pid)
    assert copy.read_bytes() == program.read_bytes()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o555
    assert list(tmp_path.iterdir()) == [copy]


def test_it_needs_neither_a_loader_nor_a_library(program: Path) -> None:
    assert b"ld-linux" not in program.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "run or install"),
        (("walk",), "run or install"),
        (("run",), "needs a program"),
        (("install",), "needs a folder"),
        (("install", "/nowhere", "sh"), "needs a folder"),
        (("install", "/nowhere"), "no such file"),
    ],
)
def test_a_wrong_command_line_fails_and_says_why(program: Path, arguments: tuple[str, ...], words: str) -> None:
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert words in done.stderr
