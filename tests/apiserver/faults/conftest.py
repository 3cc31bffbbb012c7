"""A control plane of its own, with garbage collection, which the other tests do without."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.plane import control_plane, install


@pytest.fixture(scope="session")
def plane() -> Iterator[Path]:
    """Path of an administrator's kubeconfig; ``MLENDPOINTS_SWEEP_KUBECONFIG`` names one to use as it is."""
    if kept := os.environ.get("MLENDPOINTS_SWEEP_KUBECONFIG"):
        yield Path(kept)
        return
    with control_plane("--istio-crds", "--controllers") as kubeconfig:
        asyncio.run(install(kubeconfig))
        yield kubeconfig
