"""Artifacts to fetch: the same bytes each time, about half of which compression takes away."""

import contextlib
import gzip
import hashlib
import io
import random
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

FORMS = ("tar.gz", "tar", "zip")
SHARD = 32_000_000
LEVEL = 6  # that of gzip and of `tar czf`
_SPREAD = NormalDist(0, 4)
_QUANTILES = bytes(round(_SPREAD.inv_cdf((step + 0.5) / 256)) % 256 for step in range(256))
_REVISION = "1"


@dataclass(frozen=True)
class Artifact:
    """An archive, and what it holds. Sizes in bytes."""

    path: Path
    packed: int
    unpacked: int
    digest: str
    tree: str


def made(folder: Path, form: str, size: int) -> Artifact:
    """An archive of so many bytes of weights, made once."""
    path = folder / f"{_REVISION}-{size}" / f"model.{form}"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        _WRITERS[form](draft, size)
        draft.rename(path)
    members = list(_members(size))
    return Artifact(
        path=path,
        packed=path.stat().st_size,
        unpacked=sum(len(content) for _, content in members),
        digest=_digest(path),
        tree=_tree((name, hashlib.sha256(content).hexdigest()) for name, content in members),
    )


def tree_of(folder: Path) -> str:
    """A digest of all names and contents below."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return _tree((str(path.relative_to(folder)), _digest(path).removeprefix("sha256:")) for path in files)


def _members(size: int) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file, in the order of names: weights quantised to 8 bits, and some small files."""
    dice = random.Random(size)  # noqa: S311 - the same bytes each time
    for number in range(20):
        yield f"config-{number:02}.json", b'{"layer": %d, "heads": 16}\n' % number * 40
    for number, start in enumerate(range(0, size, SHARD)):
        yield f"weights-{number:04}.bin", dice.randbytes(min(SHARD, size - start)).translate(_QUANTILES)


def _write_tar(path: Path, size: int) -> None:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        _fill(archive, size)


def _write_tar_gz(path: Path, size: int) -> None:
    with gzip.open(path, "wb", compresslevel=LEVEL) as stream, tarfile.open(fileobj=stream, mode="w|") as archive:
        _fill(archive, size)


def _write_zip(path: Path, size: int) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        for name, content in _members(size):
            archive.writestr(name, content)


_WRITERS = {"tar": _write_tar, "tar.gz": _write_tar_gz, "zip": _write_zip}


def _fill(archive: tarfile.TarFile, size: int) -> None:
    for name, content in _members(size):
        header = tarfile.TarInfo(name)
        header.size = len(content)
        archive.addfile(header, io.BytesIO(content))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _tree(files: Iterator[tuple[str, str]]) -> str:
    lines = hashlib.sha256()
    for name, digest in files:
        lines.update(f"{digest}  {name}\n".encode())
    return lines.hexdigest()


def emptied(folder: Path) -> Path:
    """The folder, with nothing in it."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder
