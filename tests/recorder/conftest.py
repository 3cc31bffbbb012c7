"""The real gor, where packets can be read."""

import os

import pytest

from images.catalogue import ROOT, host_platform
from images.programs import Failure
from images.published import published


@pytest.fixture(scope="session")
def gor() -> str:
    """Compiled once into the cache, as for the image."""
    if os.geteuid():
        pytest.skip("reading packets requires root")
    try:
        return str(published(ROOT / "images" / "recorder" / "gor", host_platform()) / "gor")
    except Failure as failure:
        pytest.skip(f"gor cannot be compiled here: {failure}")
