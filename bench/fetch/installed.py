"""What is compared, put into the cache once: model-init as its image holds it, and kserve-storage from PyPI."""

import shutil
import sys
import tempfile
from pathlib import Path

from images.catalogue import CACHE, IMAGES, ROOT, host_platform
from images.context import assemble, digest
from images.programs import Failure, run

FOLDER = CACHE / "bench" / "fetch"
KSERVE = "kserve-storage==0.21.0"
_IMAGE = IMAGES["model-init"]


def model_init() -> Path:
    """A folder like the image's /app: locked dependencies and compiled sources of this checkout."""
    folder = FOLDER / "model-init" / digest(_IMAGE, host_platform())[:16]
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            context = Path(scratch) / "context"
            context.mkdir()
            assemble(_IMAGE, context, host_platform())
            for package in ("fetcher", "outbound"):
                (context / package).rename(context / "dependencies" / package)
            app = (context / "dependencies").rename(Path(scratch) / "app")
            run(python(), "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", app)
            app.rename(folder)
    return folder


def python() -> Path:
    """The interpreter of an environment without packages."""
    return _environment("python")


def kserve_python() -> Path:
    """The interpreter of an environment with kserve-storage."""
    return _environment(KSERVE.replace("==", "-"), KSERVE)


def _environment(name: str, *packages: str) -> Path:
    folder = FOLDER / "environments" / f"{name}-{sys.version_info.major}.{sys.version_info.minor}"
    done = folder / "done"
    if not done.exists():
        run(_uv(), "venv", "--quiet", "--clear", "--python", sys.executable, folder)
        if packages:
            run(_uv(), "pip", "install", "--quiet", "--compile-bytecode", "--python", folder / "bin/python", *packages)
        done.touch()
    return folder / "bin" / "python"


def _uv() -> str:
    uv = shutil.which("uv", path=ROOT / ".tools" / "bin") or shutil.which("uv")
    if not uv:
        raise Failure("uv not found; `make check` fetches it, or `python3 -m pip install uv`")
    return uv
