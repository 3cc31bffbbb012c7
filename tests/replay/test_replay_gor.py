"""The program that is compiled for the image."""

import subprocess
from pathlib import Path


def test_gor_comes_with_its_license_and_a_notice(gor: str) -> None:
    folder = Path(gor).parent
    assert "LGPLv3" in (folder / "LICENSE").read_text()
    assert "replaced" in (folder / "NOTICE").read_text()


def test_gor_needs_no_library_and_cannot_capture_packets(gor: str) -> None:
    assert b"/ld-linux" not in Path(gor).read_bytes()
    command = [gor, "--input-raw", "127.0.0.1:80", "--output-null"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "this build of gor cannot capture packets" in done.stderr
