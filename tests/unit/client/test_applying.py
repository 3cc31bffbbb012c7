"""Applying without an operator needs an extra, and says so before it sends anything."""

import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, sys
sys.modules[{missing!r}] = None  # as if it were not installed
from mlendpoints.client.applying import Job, apply
try:
    asyncio.run(apply(None, None, Job(keys=())))
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("missing", ["structlog", "prometheus_client"])
def test_a_missing_extra_is_named(missing: str) -> None:
    command = [sys.executable, "-c", PROGRAM.format(missing=missing)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert printed.startswith("ConfigurationError No operator leads")
    assert 'pip install "mlendpoints[operator]"' in printed
    assert missing in printed


def test_a_plan_needs_no_extra() -> None:
    program = """
import sys
sys.modules["structlog"] = sys.modules["prometheus_client"] = None
import mlendpoints.client.handlers, mlendpoints.client.previewing
print("planned")
"""
    printed = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert printed == "planned\n"
