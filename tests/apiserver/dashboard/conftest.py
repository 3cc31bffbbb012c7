"""The dashboard as a process, and a real browser that shows it; the operator's reports are written by the tests."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from mlendpoints.client import Endpoint, MLOpsClient
from tests.apiserver.client.conftest import Report, client, create_titanic, report
from tests.apiserver.dashboard.reports import READY, SERVING, variants

__all__ = ["client", "report"]

PROGRAM = (sys.executable, "-m", "mlendpoints.cli")
_BROWSER = "chromium"
_PACKAGES = (_BROWSER, "fonts-dejavu-core")
expect.set_options(timeout=60_000)

Open = Callable[..., Page]


@contextmanager
def serving(kubeconfig: Path, *options: str) -> Iterator[str]:
    """The command while it serves; the URL that it has printed."""
    command = [*PROGRAM, "--kubeconfig", str(kubeconfig), "dashboard", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@pytest.fixture
def endpoint(client: MLOpsClient, report: Report) -> Endpoint:
    """The endpoint titanic, which serves."""
    endpoint = create_titanic(client)
    report(endpoint, conditions=READY, **SERVING, variants=variants(blue=90, green=10))
    return endpoint


@pytest.fixture(scope="session")
def program() -> str:
    """Path of Debian's Chromium, which is installed where that is possible."""
    with (Path(tempfile.gettempdir()) / "mlendpoints-browser.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker of the same tests may be at it
        return shutil.which(_BROWSER) or install_browser()


def install_browser() -> str:
    if os.geteuid() or not shutil.which("apt-get"):
        pytest.skip("needs Chromium")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    options = ("-y", "-qq", "-o", "DPkg::Lock::Timeout=600", "--no-install-recommends")
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", *options, *_PACKAGES]):
        if subprocess.run(command, check=False, env=quiet, stdout=subprocess.DEVNULL).returncode:
            pytest.skip("Chromium cannot be installed")
    return shutil.which(_BROWSER) or pytest.skip("Chromium cannot be installed")


@pytest.fixture(scope="module")
def browser(program: str) -> Iterator[Browser]:
    """Of one module: while it is there, its event loop keeps others from running."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Opens a page in a profile of its own; it may log no error, such as a breach of its own policy."""
    errors: list[str] = []
    contexts = []

    def open_(url: str, **options: object) -> Page:
        context = browser.new_context(**{"reduced_motion": "reduce", **options})  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(url)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert [error for error in errors if not error.startswith("Failed to load resource: ")] == []
