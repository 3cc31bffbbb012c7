"""The command line as a process, for an empty namespace; the operator's reports are written by the tests."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.apiserver.client.conftest import client, report

__all__ = ["client", "report"]

PROGRAM = (sys.executable, "-m", "mlendpoints.cli")
Result = subprocess.CompletedProcess[str]
Cli = Callable[..., Result]


def run(*arguments: str, text: str | None = None, **variables: str) -> Result:
    """The command's result; ``variables`` are added to the environment."""
    environment = {**os.environ, "COLUMNS": "80", **variables}
    return subprocess.run(
        [*PROGRAM, *arguments], check=False, capture_output=True, text=True, input=text, env=environment, timeout=120
    )


@pytest.fixture
def cli(kubeconfig: Path, namespace: str) -> Cli:
    """Runs the command in the namespace."""

    def in_namespace(*arguments: str, **rest: str) -> Result:
        return run("--kubeconfig", str(kubeconfig), "-n", namespace, *arguments, **rest)

    return in_namespace
