"""Base images built from Debian packages by mmdebstrap, for machines without access to an image registry.

Packages are unpacked, not configured (`--variant=extract`): no shell, no apt, unless a package brings them. Each is
kept in the cache, keyed by its package list, as an archive and in buildah's storage.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from cluster.archives import Image, write_archive
from cluster.commands import run, succeeds
from cluster.locks import build_lock
from cluster.packages import ensure_packages
from cluster.settings import Settings
from cluster.steps import step

SUITE = "bookworm"  # where none is named
REPOSITORY = "localhost/mlendpoints-base"


def ensure_base_image(settings: Settings, name: str, packages: Sequence[str], suite: str = SUITE) -> str:
    """Make `localhost/mlendpoints-base/NAME:SUITE` known to buildah and return that name."""
    image = f"{REPOSITORY}/{name}:{suite}"
    ensure_packages()
    root = ensure_root_file_system(settings, packages, suite)
    archive = root.with_name(f"{root.stem}-{name}.image.tar")
    with build_lock(settings):
        if not (archive.exists() and succeeds(*_buildah(settings), "inspect", "--type=image", image)):
            with step(f"Importing {image}"):
                write_archive(Image(image, [root]), archive)
                run(*_buildah(settings), "pull", "--quiet", f"docker-archive:{archive}")
    return image


def ensure_root_file_system(settings: Settings, packages: Sequence[str], suite: str = SUITE) -> Path:
    """A tar file of the packages and their dependencies."""
    wanted = ",".join(sorted(packages))
    path = settings.cache / "bases" / f"{suite}-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}.tar"
    with build_lock(settings):
        if not path.exists():
            with step(f"Unpacking {wanted}"):
                _unpack(wanted, suite, path)
    return path


def ensure_folder(settings: Settings, packages: Sequence[str], suite: str = SUITE) -> Path:
    """The packages and their dependencies, in a folder: programs of another release of Debian, for tests."""
    archive = ensure_root_file_system(settings, packages, suite)
    folder = archive.with_suffix("")
    with build_lock(settings):
        if not folder.exists():
            unfinished = folder.with_name(f"unfinished-{folder.name}")
            unfinished.mkdir(exist_ok=True)
            run(
                "tar",
                "--extract",
                "--no-same-owner",
                "--exclude=./dev",
                f"--file={archive}",
                f"--directory={unfinished}",
            )
            unfinished.rename(folder)
    return folder


def _unpack(packages: str, suite: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"unfinished-{path.name}")
    unneeded = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("doc", "man", "locale", "info")]
    run("mmdebstrap", "--quiet", "--variant=extract", f"--include={packages}", *unneeded, suite, unfinished)
    unfinished.rename(path)


def _buildah(settings: Settings) -> tuple[str, ...]:
    return ("buildah", "--root", str(settings.containers), "--storage-driver", "vfs")
