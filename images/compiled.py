"""Programs in Go, compiled on the host, so that no image needs a compiler. It must not decide which.

With the host's Go, else with the locked one of ``requirements-go.lock``.
"""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from images.catalogue import CACHE, ROOT
from images.dependencies import uv
from images.programs import run

LOCK = ROOT / "requirements-go.lock"


def compiled(source: Path, platform: str) -> Path:
    """The program of one Go module for a platform, statically linked; compiled once for each content of the source."""
    system, _, architecture = platform.partition("/")
    program = CACHE / "images" / "programs" / f"{source.name}-{architecture}-{digest_of(source)}"
    if not program.exists():
        _compile(source, program, {"GOOS": system, "GOARCH": architecture})
    return program


def digest_of(source: Path) -> str:
    """Hash of all files of a module, with their names."""
    files = (path for path in source.rglob("*") if path.is_file())
    contents = (f"{path.relative_to(source)}\0".encode() + path.read_bytes() for path in sorted(files))
    return hashlib.sha256(b"\0".join(contents)).hexdigest()[:16]


def _compile(source: Path, program: Path, target: dict[str, str]) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as scratch:
        made = Path(scratch) / program.name
        environment = (f"{name}={value}" for name, value in (target | _ALONE).items())
        run("env", *environment, go(), "build", "-trimpath", "-ldflags", "-s -w", "-o", made, ".", cwd=source)
        os.rename(made, program)  # noqa: PTH104 - atomic, and says so


# Neither C's library nor the network: the program is linked statically, and depends on nothing but Go's own library.
_ALONE = {"CGO_ENABLED": "0", "GOFLAGS": "", "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOWORK": "off"}


def go() -> str:
    """The host's Go, else the locked one."""
    return shutil.which("go") or str(_lockedgo() / "go" / "bin" / "go")


def _lockedgo() -> Path:
    """The folder with the locked Go for this machine, unpacked once for each content of the lock file."""
    folder = CACHE / "images" / "go" / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            target = Path(scratch) / "target"
            exact = ("--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", LOCK)
            run(uv(), "pip", "install", "--quiet", "--target", target, *exact)
            os.rename(target, folder)  # noqa: PTH104 - atomic, and says so
    return folder
