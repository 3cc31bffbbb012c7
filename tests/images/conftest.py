"""One model server for all tests that only ask it; nginx installed where that is possible."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images.processes import Running, model_server

MODULE = Path("/usr/lib/nginx/modules/ngx_http_js_module.so")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with model_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def _nginx_installed() -> None:
    if shutil.which("nginx") and MODULE.exists():
        return
    if os.geteuid() or not shutil.which("apt-get"):
        pytest.skip("needs nginx with its njs module")
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "nginx", "libnginx-mod-http-js"]
    subprocess.run(install, check=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"})
