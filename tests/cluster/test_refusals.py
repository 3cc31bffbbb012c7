"""What `up` says where it cannot work: one sentence, before anything is changed, with what mends it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.sandbox import ROOT, a_sandbox

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(os.geteuid() != 0, reason="a node needs root"),
]


def test_without_root_it_says_so(tmp_path: Path) -> None:
    reading = "+dac_read_search"  # also a checkout, or an interpreter, below a home of root's that is closed to others
    user = ("--reuid=65534", "--clear-groups", f"--inh-caps={reading}", f"--ambient-caps={reading}")
    assert "A node needs root" in _refusal(tmp_path, "setpriv", *user)


def test_on_another_distribution_it_says_so(tmp_path: Path) -> None:
    release = tmp_path / "os-release"
    release.write_text("ID=fedora\n")
    script = f'mount --bind "{release}" "$(realpath /etc/os-release)" && exec "$@"'
    assert "neither Debian nor Ubuntu" in _refusal(tmp_path, "unshare", "--mount", "sh", "-c", script, "sh")


def test_without_go_and_with_an_empty_cache_it_says_how_to_get_go(tmp_path: Path) -> None:
    assert "Go is missing; install Go" in _refusal(tmp_path, "env", "PATH=/usr/sbin:/sbin")


def test_on_a_full_disk_it_says_how_much_is_needed(tmp_path: Path) -> None:
    small = tmp_path / "cache"
    small.mkdir()
    script = f'mount -t tmpfs -o size=64m tmpfs "{small}" && exec "$@"'
    assert "12 GiB are needed" in _refusal(tmp_path, "unshare", "--mount", "sh", "-c", script, "sh")


def test_where_a_port_is_taken_it_names_the_port_and_who_needs_it(tmp_path: Path) -> None:
    listen = "import socket; s = socket.create_server(('127.0.0.1', 6443)); print('listening', flush=True); input()"
    with a_sandbox(tmp_path / "state") as sandbox:
        command = sandbox.inside(sys.executable, "-c", listen)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as listener:
            assert listener.stdout is not None
            assert listener.stdout.readline() == "listening\n"
            done = sandbox.run(sandbox.cluster("up"))
            listener.communicate("\n")
    assert done.returncode == 1
    assert "Port 6443 is in use and kube-apiserver needs it" in done.stderr


def _refusal(folder: Path, *prefix: str) -> str:
    """What `up` says when run by `prefix` with an empty cache; nothing may have been made."""
    environment = {
        **os.environ,
        "MLENDPOINTS_STATE": str(folder / "state"),
        "MLENDPOINTS_CACHE": str(folder / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [*prefix, sys.executable, "-m", "cluster", "up"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert not (folder / "state").exists()
    assert "Traceback" not in done.stderr
    return done.stderr
