"""Prometheus' own tool for rules: the one of this machine, or else of Debian's package, unpacked into the cache."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from cluster.base import ensure_folder
from cluster.prometheus import PACKAGES, SUITE
from cluster.settings import settings_from_environment


def promtool() -> Sequence[str]:
    """The command; skips the test where there is neither the program nor a way to unpack it."""
    found = shutil.which("promtool")
    if found:
        return (found,)
    if os.geteuid() or not shutil.which("apt-get"):
        pytest.skip("unpacks promtool from Debian's package prometheus, as root; or put it on the PATH")
    root = ensure_folder(settings_from_environment(), PACKAGES, SUITE)
    (loader,) = root.glob("lib*/ld-linux*")
    libraries = ":".join(str(path) for path in root.glob("**/lib/*-linux-gnu"))
    return (str(loader), "--library-path", libraries, str(root / "usr" / "bin" / "promtool"))


def run_promtool(command: Sequence[str], *arguments: str | Path) -> tuple[int, str]:
    """Its exit code, and all that it prints."""
    done = subprocess.run(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout
