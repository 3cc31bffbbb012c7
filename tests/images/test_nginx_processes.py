"""Metrics of a pod's processes: what Fluent Bit says, by part of the pod, with counters that never go down."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from images.catalogue import ROOT, host_platform
from images.compiled import compiled
from mlendpoints.core.manifests.sidecar import FOLDER
from tests.images.exporter import Exporter, Process
from tests.images.metered import metrics
from tests.images.processes import Running, nginx, until
from tests.images.watched import (
    CPU,
    FILES,
    MEMORY,
    NAMES,
    READ,
    THREADS,
    UP,
    WRITTEN,
    a_process,
    samples,
    until_said,
    watched,
)

pytestmark = pytest.mark.usefixtures("_base_unpacked")


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[tuple[Exporter, Running]]:
    with watched(tmp_path) as both:
        yield both


def nginx_processes(proxy: Running) -> tuple[int, int]:
    """Master and worker; the entry point has become the master."""
    master = proxy.process.pid
    (worker,) = until(lambda: Path(f"/proc/{master}/task/{master}/children").read_text().split())
    return master, int(worker)


def test_all_that_fluent_bit_says_is_summed_by_part_of_the_pod(pod: tuple[Exporter, Running]) -> None:
    fluent_bit, proxy = pod
    master, worker = nginx_processes(proxy)
    with a_process() as first, a_process() as second:
        said = until_said(
            fluent_bit,
            proxy,
            Process(first.pid, user=7, system=2, memory=1000, read=10, written=20, files=3),
            Process(second.pid, user=1, system=1, memory=500, read=1, written=2, files=4),
            Process(master, user=1, memory=11),
            Process(worker, user=2, memory=22),
        )
    assert said == {
        UP: {(): 1},
        CPU: {("model", "user"): 8, ("model", "system"): 3, ("nginx", "user"): 3, ("nginx", "system"): 0},
        MEMORY: {("model",): 1500, ("nginx",): 33},
        READ: {("model",): 11},
        WRITTEN: {("model",): 22},
        FILES: {("model",): 7},
        THREADS: {("model",): 2, ("nginx",): 2},
    }


def test_a_process_of_the_model_cannot_pass_for_another_s_by_its_name(pod: tuple[Exporter, Running]) -> None:
    names = ("nginx", "supervise", "fluent-bit", "pause", 'x",pid="1', "a) S 1", "{", "\n")
    for name in names:
        with a_process() as process:
            said = until_said(*pod, Process(process.pid, name=name, user=1))
        assert set(said[MEMORY]) == {("model",)}


@pytest.fixture
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A process where the supervisor is mounted, as in containers of optional sidecars."""
    with in_a_container(tmp_path_factory.mktemp("root")) as process:
        yield process


@contextmanager
def in_a_container(root: Path) -> Iterator[int]:
    if os.geteuid():
        pytest.skip("mounts")
    (root / FOLDER.lstrip("/")).mkdir()
    shutil.copy(compiled(ROOT / "supervisor", host_platform()), root / "program")
    script = f"mount -t tmpfs none {root}{FOLDER} && exec chroot {root} /program run -- /absent"
    with subprocess.Popen(["unshare", "--mount", "sh", "-c", script], stderr=subprocess.PIPE) as process:
        try:
            assert process.stderr is not None
            assert b"restarting" in process.stderr.readline()
            yield process.pid
        finally:
            process.terminate()


def test_an_optional_sidecar_is_known_by_its_mounts_whatever_it_is_called(
    pod: tuple[Exporter, Running], sidecar: int
) -> None:
    said = until_said(*pod, Process(sidecar, name="python3", user=5, memory=8))
    assert said[MEMORY] == {("other",): 8}


def test_counters_keep_what_ended_processes_have_used_and_gauges_do_not(pod: tuple[Exporter, Running]) -> None:
    with a_process() as lasting:
        with a_process() as ending:
            until_said(*pod, Process(lasting.pid, user=1, read=5), Process(ending.pid, user=10, read=50))
        # Earlier releases of Fluent Bit go on about processes that have ended.
        until_said(*pod, Process(lasting.pid, user=2, read=5), Process(ending.pid, user=10, read=50))
        said = until_said(*pod, Process(lasting.pid, user=2, read=5))
        assert (said[CPU]["model", "user"], said[READ]["model",]) == (12, 55)
        assert (said[MEMORY], said[THREADS]) == ({("model",): 4096}, {("model",): 1})
        with a_process() as new:
            said = until_said(*pod, Process(lasting.pid, user=2, read=5), Process(new.pid, user=3, read=1))
    assert (said[CPU]["model", "user"], said[READ]["model",]) == (15, 56)


def test_a_process_that_was_renamed_or_lost_its_parent_counts_once(pod: tuple[Exporter, Running]) -> None:
    with a_process() as process:
        before = Process(process.pid, name="python3", parent=7, user=4, memory=100)
        after = Process(process.pid, name="gunicorn", parent=1, user=6, memory=300)
        said = until_said(*pod, before, after)
    assert (said[CPU]["model", "user"], said[MEMORY]["model",]) == (6, 300)


def test_a_process_that_ran_long_before_nginx_counts_from_now_on(pod: tuple[Exporter, Running]) -> None:
    """As after a restart of nginx alone: a counter that began at what it had would look like a burst."""
    assert until_said(*pod, Process(1, user=1000))[CPU]["other", "user"] == 0
    assert until_said(*pod, Process(1, user=1007))[CPU]["other", "user"] == 7


def test_while_fluent_bit_is_away_the_metrics_are_missing_and_counters_continue_afterwards(
    pod: tuple[Exporter, Running],
) -> None:
    fluent_bit, proxy = pod
    with a_process() as process:
        until_said(*pod, Process(process.pid, user=5))
        fluent_bit.says("", status="404 Not Found")
        until(lambda: samples(proxy, UP) == {(): 0} or None)
        assert metrics(proxy).keys() & NAMES == {UP}
        assert until_said(*pod, Process(process.pid, user=9))[CPU]["model", "user"] == 9


def test_a_pod_without_fluent_bit_has_none_of_them_and_asks_nobody(tmp_path: Path) -> None:
    with nginx(tmp_path) as proxy:
        assert not metrics(proxy).keys() & NAMES
        rendered = (tmp_path / "nginx.conf").read_text()
    assert "# js_periodic" in rendered
