"""What holds for every test: logging is left as it was; nginx is installed where it is needed and that is possible."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

MODULE = Path("/usr/lib/nginx/modules/ngx_http_js_module.so")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def _nginx_installed() -> None:
    if shutil.which("nginx") and MODULE.exists():
        return
    if os.geteuid() or not shutil.which("apt-get"):
        pytest.skip("needs nginx with its njs module")
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "nginx", "libnginx-mod-http-js"]
    subprocess.run(install, check=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"})
