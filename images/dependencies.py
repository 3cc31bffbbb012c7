"""Locked Python dependencies, unpacked on the host, so that no image needs pip. It must not resolve versions."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from images.catalogue import CACHE, PYTHON_VERSION, ROOT
from images.programs import Failure, run

PLATFORMS = {"linux/amd64": "x86_64-manylinux_2_28", "linux/arm64": "aarch64-manylinux_2_28"}


def unpacked(lock: Path, platform: str) -> Path:
    """The folder with the lock file's packages for Linux, created once for each content of the lock file."""
    facts = f"{lock.read_text()}{platform}{PYTHON_VERSION}"
    folder = CACHE / "images" / "dependencies" / hashlib.sha256(facts.encode()).hexdigest()[:16]
    if not folder.exists():
        _unpack(lock, platform, folder)
    return folder


def _unpack(lock: Path, platform: str, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        target = Path(scratch) / "target"
        run(
            *(uv(), "pip", "install", "--quiet", "--target", target, "--link-mode", "copy"),
            *("--no-deps", "--require-hashes", "--only-binary", ":all:"),
            *("--python-version", PYTHON_VERSION, "--python-platform", PLATFORMS[platform], "-r", lock),
        )
        for useless in (target / ".lock", target / "bin"):
            shutil.rmtree(useless) if useless.is_dir() else useless.unlink(missing_ok=True)
        os.rename(target, folder)  # noqa: PTH104 - atomic, and says so


def uv() -> str:
    """The project's own uv, else the machine's."""
    uv = shutil.which("uv", path=ROOT / ".tools" / "bin") or shutil.which("uv")
    if not uv:
        raise Failure("uv not found; `make images` fetches it, or `python3 -m pip install uv`")
    return uv
