"""The benchmark's artifacts hold what they say, and its looks at processes and volumes see what is there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.fetch.artifact import FORMS, made, tree_of
from bench.fetch.ceilings import inflate
from bench.fetch.watch import Failed, blocks, family, nameless, peak_memory, timed, watched

SIZE = 3_000_000


@pytest.mark.parametrize("form", FORMS)
def test_an_artifact_unpacks_to_the_tree_that_it_names(form: str, tmp_path: Path) -> None:
    artifact = made(tmp_path / "artifacts", form, SIZE)
    if form == "zip":
        shutil.unpack_archive(artifact.path, tmp_path / "model")
    else:
        shutil.unpack_archive(artifact.path, tmp_path / "model", filter="data")
    files = list((tmp_path / "model").iterdir())
    assert tree_of(tmp_path / "model") == artifact.tree
    assert sum(path.stat().st_size for path in files) == artifact.unpacked
    assert artifact.packed == artifact.path.stat().st_size


@pytest.mark.parametrize("form", ["tar.gz", "zip"])
def test_about_half_of_an_artifact_is_compressed_away(form: str, tmp_path: Path) -> None:
    artifact = made(tmp_path, form, SIZE)
    assert 0.4 < artifact.packed / artifact.unpacked < 0.65
    assert inflate(artifact).seconds > 0


def test_an_artifact_is_made_once(tmp_path: Path) -> None:
    first = made(tmp_path, "tar", SIZE)
    changed = first.path.stat().st_mtime_ns
    assert made(tmp_path, "tar", SIZE) == first
    assert first.path.stat().st_mtime_ns == changed


FILLS = """
import os, subprocess, sys
held = bytearray(b"x") * 50_000_000
gone = open(sys.argv[1], "wb", buffering=0)
os.unlink(sys.argv[1])
gone.write(b"x" * 2_000_000)
subprocess.run([sys.executable, "-c", "print('ready', flush=True); input()"])
"""


def test_memory_children_and_files_without_names_are_seen(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILLS, str(tmp_path / "gone")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        parent, child = family(process.pid)
        assert peak_memory(parent) > 50_000_000 > peak_memory(child) > 0
        assert nameless([parent, child]) == pytest.approx(2_000_000, abs=8192)
        process.communicate("\n")
    assert peak_memory(parent) == nameless([parent]) == 0


def test_blocks_are_those_of_all_files_below(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").write_bytes(b"x" * 1_000_000)
    (tmp_path / "sparse").touch()
    os.truncate(tmp_path / "sparse", 10**9)
    assert blocks(tmp_path) == pytest.approx(1_000_000, abs=8192)


def test_a_watched_command_has_its_peaks(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100_000)
    peaks = watched([sys.executable, "-c", "import time"], {}, tmp_path)
    assert peaks.disk == pytest.approx(100_000, abs=8192)
    assert peaks.memory > 0


def test_a_command_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="its last words"):
        timed([sys.executable, "-c", "import sys; sys.exit('its last words')"], {})
    with pytest.raises(Failed, match="ended with 3"):
        watched([sys.executable, "-c", "import sys; sys.exit(3)"], {}, tmp_path)
