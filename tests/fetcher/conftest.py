"""Real servers, one of each for all tests, and a fresh place for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fetcher.store_fixtures import azure, google, other_store, s3  # noqa: F401 - fixtures
from tests.fetcher.web_server import WebServer, web_server
from tests.unit.fetcher.running import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory, _nginx_installed: None) -> Iterator[WebServer]:
    with web_server(tmp_path_factory.mktemp("web")) as server:
        yield server
