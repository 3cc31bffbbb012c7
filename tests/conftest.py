"""What holds for every test: no example is timed, logging is left as it was, Ctrl-C interrupts, nginx is installed."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from cluster.packages import ensure_packages

MODULE = Path("/usr/lib/nginx/modules/ngx_http_js_module.so")

settings.register_profile("untimed", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_configure() -> None:
    """Ctrl-C interrupts, also where a shell has started this in the background and so ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


_PLAIN = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Tracebacks are plain: by default they show every variable, which takes 0.1 s of CPU for each."""
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _PLAIN])
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def _nginx_installed() -> None:
    if shutil.which("nginx") and MODULE.exists():
        return
    if os.geteuid() or not shutil.which("apt-get"):
        pytest.skip("needs nginx with its njs module")
    options = ("-y", "-qq", "-o", "DPkg::Lock::Timeout=600")  # another worker of the same tests may be at it
    install = ["apt-get", "install", *options, "--no-install-recommends", "nginx", "libnginx-mod-http-js"]
    subprocess.run(install, check=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"})


@pytest.fixture(scope="session")
def _base_unpacked() -> None:
    if os.geteuid() or not shutil.which("apt-get"):
        pytest.skip("makes the base of nginx's image from Debian packages")
    ensure_packages()
