"""The real gor, and replays by it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from images.catalogue import ROOT, host_platform
from images.programs import Failure
from images.published import published
from replay.__main__ import main
from tests.replay.running import Replay


@pytest.fixture(scope="session")
def gor() -> str:
    """Compiled once into the cache, as for the image."""
    try:
        return str(published(ROOT / "images" / "replay" / "gor", host_platform()) / "gor")
    except Failure as failure:
        pytest.skip(f"gor cannot be compiled here: {failure}")


@pytest.fixture
def replay(gor: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Replay]:
    """A function that replays sources against a target, without pauses unless requested otherwise."""
    folder = tmp_path / "replay"
    folder.mkdir()

    def run(source: object, target: str, *more: str) -> Replay:
        pace = () if {"--speed", "--rate"} & set(more) else ("--speed", "max")
        fixed = (
            "--gor",
            gor,
            "--timeout",
            "5",
            "--folder",
            str(folder),
            "--json",
            "--allow-address",
            "127.0.0.0/8",
            *pace,
        )
        code = main([str(source), "--target", target, *fixed, *more])
        said = capsys.readouterr()
        assert list(folder.iterdir()) == []
        return Replay(code, json.loads(said.out) if said.out else None, said.err)

    return run
