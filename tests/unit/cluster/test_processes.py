"""Daemons are told by the mark in their environment, which the kernel shows a moment after they have been started."""

import sys
from pathlib import Path

import pytest

from cluster import processes
from cluster.processes import Daemon, end_processes, ensure_running, find_pids

# Nobody waits for daemons.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")

NAP = Daemon("nap", (sys.executable, "-c", "import time; time.sleep(60)"))


def test_a_start_is_over_when_the_daemon_can_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = iter([False, False, True])
    monkeypatch.setattr(processes, "_shows", lambda _pid: next(shown))
    ensure_running(NAP, state=tmp_path)
    found = find_pids(tmp_path, NAP.name)
    end_processes(tmp_path, NAP.name)
    assert list(shown) == []
    assert len(found) == 1


def test_one_that_runs_already_is_left_alone(tmp_path: Path) -> None:
    ensure_running(NAP, state=tmp_path)
    before = find_pids(tmp_path, NAP.name)
    ensure_running(NAP, state=tmp_path)
    after = find_pids(tmp_path, NAP.name)
    end_processes(tmp_path, NAP.name)
    assert before == after
    assert find_pids(tmp_path, NAP.name) == []
