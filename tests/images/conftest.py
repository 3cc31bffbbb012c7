"""One model server for all tests that only ask it."""

import os
import shutil
from collections.abc import Iterator

import pytest

from cluster.packages import ensure_packages
from tests.images.processes import Running, model_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with model_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def _base_unpacked() -> None:
    if os.geteuid() or not shutil.which("apt-get"):
        pytest.skip("makes the base of nginx's image from Debian packages")
    ensure_packages()
