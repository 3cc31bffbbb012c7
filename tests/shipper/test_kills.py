"""The shipper killed before each of its accesses to files and the network, and full volumes: the account is exact."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from subprocess import PIPE

import pytest

from tests.fetcher.web_server import WebServer
from tests.images.processes import ROOT
from tests.shipper.running import Pod, process, shipping, whole
from tests.unit.shipper.writing import OLD_SLOT, Writer

NEVER = 1_000_000
"""Accesses of a run that is not killed."""


def fill(pod: Pod) -> None:
    nginx = pod.nginx()
    nginx.write(2)
    nginx.lose()
    nginx.next_slot()
    nginx.write(1)
    nginx.tear()
    nginx.write(1)


@dataclass
class Runs:
    """A process that forks shippers."""

    driver: subprocess.Popen[str]

    def run(self, environment: Mapping[str, str], fatal: int = NEVER) -> int:
        """The exit code of a shipper that is killed before that access."""
        assert self.driver.stdin is not None
        assert self.driver.stdout is not None
        self.driver.stdin.write(json.dumps([fatal, dict(environment)]) + "\n")
        self.driver.stdin.flush()
        return int(self.driver.stdout.readline())


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    command = [sys.executable, "-m", "tests.shipper.killed"]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, cwd=ROOT, text=True, stdin=PIPE, stdout=PIPE, stderr=log) as driver,
    ):
        yield Runs(driver)
        driver.terminate()


def sweep(runs: Runs, scratch: Path, sink: str, stored: Callable[[Pod], dict[str, bytes]]) -> int:
    """How often it was killed; each time in a fresh pod."""
    for fatal in count():
        (scratch / str(fatal)).mkdir()
        pod = Pod(scratch / str(fatal))
        fill(pod)
        environment = pod.environment(sink, POD=f"pod-{fatal}", QUIET_SECONDS="0.02")
        survived = runs.run(environment, fatal) == 0
        assert runs.run(environment) == 0
        assert pod.account() == (len(pod.written), 0, {"missing": 1})
        assert pod.ledger()["shipped"]["files"] == 3
        assert sorted(whole(stored(pod))) == sorted(pod.written)
        assert pod.files() == []
        if survived:
            return fatal
    raise AssertionError


def visible(pod: Pod) -> dict[str, bytes]:
    return {path: content for path, content in pod.on_claim().items() if path.endswith(".jsonl")}


def test_killed_at_any_step_it_continues_exactly_on_a_claim(runs: Runs, tmp_path: Path) -> None:
    assert sweep(runs, tmp_path, "pvc://captured", visible) > 30


def test_killed_at_any_step_it_continues_exactly_with_a_server(runs: Runs, tmp_path: Path, web: WebServer) -> None:
    def stored(pod: Pod) -> dict[str, bytes]:
        return {path: content for path, content in web.stored().items() if f"/pod-{pod.scratch.name}-" in path}

    assert sweep(runs, tmp_path, f"{web.url}/put", stored) > 20


def test_killed_at_random_under_load_nothing_is_lost_or_counted_twice(pod: Pod) -> None:
    for _ in range(3):
        nginx = pod.nginx()
        with process(pod.environment("pvc://captured")) as running:
            before = len(pod.written)
            for _ in range(40):
                nginx.write(5)
                nginx.next_slot()
            pod.until_more_than(before)
            os.kill(running.pid, signal.SIGKILL)
            running.wait()
    with shipping(pod.settings("pvc://captured")):
        pod.until_shipped()
    assert pod.account() == (len(pod.written), 0, {})
    assert sorted(whole(visible(pod))) == sorted(pod.written)


@contextmanager
def small(folder: Path, size: str) -> Iterator[None]:
    """The folder is a file system of that size until the block ends (root)."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_up(nginx: Writer) -> None:
    """Until nothing fits, as the processes beside nginx would; nginx's own limit is lower."""
    nginx.write(40, "x" * 10_000)
    rest = os.statvfs(nginx.spool)
    with (nginx.spool / "filler").open("wb", buffering=0) as file:
        file.write(bytes(rest.f_bavail * rest.f_frsize))


def test_a_spool_without_any_room_is_emptied(pod: Pod) -> None:
    with small(pod.spool, "1m"), shipping(pod.settings("pvc://captured", drain_seconds=0)):
        pod.until(lambda ledger: ledger["sink"]["ok"], "the shipper has started")
        fill_up(pod.nginx(slot=9_999_999_990))
        assert os.statvfs(pod.spool).f_bavail == 0
        pod.writers[0].rename(OLD_SLOT)
        pod.until_shipped()
        pod.until(lambda _: not pod.files(), "the file is deleted")
    assert whole(visible(pod)) == pod.written


def test_a_full_claim_keeps_the_records_in_the_spool_until_there_is_room(pod: Pod) -> None:
    pod.nginx().write(40, "x" * 1000)
    with small(pod.claim, "32k"), shipping(pod.settings("pvc://captured")):
        pod.until_failing("full")
        assert pod.account() == (0, 40, {})
        assert visible(pod) == {}
        subprocess.run(["mount", "-o", "remount,size=1m", str(pod.claim)], check=True)
        pod.until_shipped()
        assert whole(visible(pod)) == pod.written
