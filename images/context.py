"""Build contexts: exactly the files an image is made from, and their digest. It must not build."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from images.catalogue import ROOT, Image
from images.compiled import compiled
from images.dependencies import unpacked
from images.published import published

IGNORED = {"__pycache__", ".mypy_cache", ".ruff_cache"}


def digest(image: Image, *facts: str) -> str:
    """Hash of all inputs of the image: its files' names and contents, its lock file, and the facts given."""
    sum_ = hashlib.sha256("\0".join(facts).encode())
    for path in sorted(_files(image)):
        sum_.update(f"{os.path.relpath(path, ROOT)} {path.stat().st_mode & 0o100:o} ".encode() + path.read_bytes())
    return sum_.hexdigest()


def assemble(image: Image, folder: Path, platform: str) -> None:
    """Fills the folder with the build context."""
    for source, target in image.sources.items():
        _copy(ROOT / source, folder / target)
    for source, target in image.programs.items():
        _copy(compiled(ROOT / source, platform), folder / target)
    for source, target in image.published.items():
        _copy(published(ROOT / source, platform), folder / target)
    if image.lock:
        shutil.copytree(unpacked(ROOT / image.lock, platform), folder / "dependencies", copy_function=_link)


def _files(image: Image) -> Iterator[Path]:
    if image.lock:
        yield ROOT / image.lock
    for source in (*image.sources, *image.programs, *image.published):
        path = ROOT / source
        yield from _below(path) if path.is_dir() else [path]


def _below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not IGNORED & set(path.parts))


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*IGNORED), copy_function=_copy_file)
    else:
        _copy_file(source, target)


def _copy_file(source: str | Path, target: str | Path) -> None:
    """A copy that the image's user can read, whatever the umask of the clone."""
    shutil.copyfile(source, target)
    Path(target).chmod(0o755 if Path(source).stat().st_mode & 0o100 else 0o644)


def _link(source: str, target: str) -> None:
    """A hard link if the file system allows it: dependencies are large and never written to."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
