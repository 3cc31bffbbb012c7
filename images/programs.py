"""Runs programs, and reports their output if they fail. It must not know what they are for."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path


class Failure(Exception):  # noqa: N818 - its text is for the user
    """An error that the user has to fix; its text says what and how."""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """The program's standard output; raises ``Failure`` with the end of its output."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    if done.returncode:
        words = (done.stderr or done.stdout).strip()[-2000:]
        raise Failure(f"{' '.join(map(str, command))} failed with exit code {done.returncode}:\n{words}")
    return done.stdout


def answer(*command: str | Path) -> str:
    """The program's trimmed standard output; empty if it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def ensure(programs: Sequence[str]) -> None:
    """Installs missing programs by their Debian package of the same name; raises ``Failure`` if that is impossible."""
    missing = [program for program in programs if not shutil.which(program)]
    if not missing:
        return
    if os.geteuid() or not shutil.which("apt-get"):
        raise Failure(f"{', '.join(missing)} not found; install it, or start Docker or install Podman")
    run("apt-get", "update", "-qq")
    run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing)
