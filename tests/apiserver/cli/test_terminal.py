"""A terminal: the tree is redrawn in place, within the terminal's width, and Ctrl-C ends it."""

import fcntl
import os
import pty
import re
import signal
import struct
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlendpoints.client import MLOpsClient
from tests.apiserver.cli.conftest import PROGRAM
from tests.apiserver.client.conftest import Report, create_titanic

_SEQUENCE = re.compile(r"\x1b\[[?0-9;]*[a-zA-Z]")
UP = "\x1b[1A"  # the cursor, by one line


class Terminal:
    """The command in a terminal of some width."""

    def __init__(self, *arguments: str, width: int) -> None:
        self.pid, self._fd = pty.fork()
        if not self.pid:
            os.environ.pop("COLUMNS", None)
            os.execv(PROGRAM[0], [*PROGRAM, *arguments])  # noqa: S606 - without a shell
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        self.shown = ""

    def read(self) -> bool:
        """Reads what is there; whether the command may write more."""
        try:
            self.shown += os.read(self._fd, 1 << 16).decode()
        except OSError:
            return False
        return True

    def until(self, text: str) -> None:
        """Reads until a text has been shown."""
        while text not in self.shown:
            assert self.read(), self.shown

    def interrupt(self) -> int:
        """Presses Ctrl-C; the exit code."""
        os.write(self._fd, b"\x03")
        while self.read():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def kill(self) -> None:
        """Ends what is left of it."""
        os.close(self._fd)
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            return


@pytest.fixture(params=[80, 200])
def terminal(
    request: pytest.FixtureRequest, client: MLOpsClient, report: Report, kubeconfig: Path, namespace: str
) -> Iterator[tuple[Terminal, int]]:
    message = f"ModelsReady: {'blue: 0 of 1 pods are ready, ' * 8}and so on."
    report(create_titanic(client), conditions={"Ready": ("Unknown", message)}, state="Creating")
    options = ("--kubeconfig", str(kubeconfig), "-n", namespace)
    found = Terminal(*options, "status", "titanic", "--watch", width=request.param)
    yield found, request.param
    found.kill()


def test_the_tree_is_redrawn_in_place_and_fits(
    terminal: tuple[Terminal, int], client: MLOpsClient, report: Report
) -> None:
    found, width = terminal
    found.until("Creating")
    report(client.V1Alpha1Endpoint.get("titanic"), conditions={"Ready": ("True", "It is.")}, state="InService")
    found.until("InService")
    assert UP in found.shown
    assert found.interrupt() == 130
    lines = _SEQUENCE.sub("", found.shown).replace("\r", "\n").splitlines()
    assert max(map(len, lines)) <= width
    assert "Interrupted." in lines
