"""A fresh place for each test."""

from pathlib import Path

import pytest

from tests.unit.fetcher.running import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)
