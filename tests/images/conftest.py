"""One model server for all tests that only ask it."""

from collections.abc import Iterator

import pytest

from tests.images.processes import Running, model_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with model_server(tmp_path_factory.mktemp("server")) as running:
        yield running
