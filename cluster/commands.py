"""Run other programs to completion."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from cluster.errors import ClusterError


def run(
    *command: str | Path, stdin: str | None = None, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> str:
    """Run `command`, return its stdout; ClusterError with the end of its output if it fails."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, input=stdin, env={**os.environ, **(env or {})}, cwd=cwd, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise ClusterError(f"The program {words[0]} is missing; `python3 -m cluster up` installs it.") from error
    if done.returncode != 0:
        raise ClusterError(f"`{' '.join(words[:6])}` failed: {last_words(done.stderr or done.stdout)}")
    return done.stdout


def succeeds(*command: str | Path) -> bool:
    """Whether `command` exists and exits with 0."""
    try:
        return subprocess.run([str(word) for word in command], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def last_words(output: str) -> str:
    """The last eight lines of a program's output."""
    return "\n".join(output.strip().splitlines()[-8:])
