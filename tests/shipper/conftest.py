"""Real servers, one of each for all tests, and a fresh pod for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fetcher.store_fixtures import azure, google, other_store, s3  # noqa: F401 - fixtures
from tests.fetcher.web_server import WebServer, web_server
from tests.shipper.running import Pod


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    return Pod(tmp_path)


@pytest.fixture(scope="session")
def _web(tmp_path_factory: pytest.TempPathFactory, _nginx_installed: None) -> Iterator[WebServer]:
    with web_server(tmp_path_factory.mktemp("web")) as server:
        yield server


@pytest.fixture
def web(_web: WebServer) -> WebServer:
    _web.clear()
    return _web
