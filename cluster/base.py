"""Base images made of Debian packages by mmdebstrap, for machines that reach no image registry.

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

SUITE = "bookworm"
REPOSITORY = "localhost/mlendpoints-base"


def ensure_base_image(settings: Settings, name: str, packages: Sequence[str]) -> str:
    """Make `localhost/mlendpoints-base/NAME:bookworm` known to buildah and return that name."""
    image = f"{REPOSITORY}/{name}:{SUITE}"
    ensure_packages()
    root = ensure_root_file_system(settings, packages)
    archive = root.with_name(f"{root.stem}-{name}.image.tar")
    with build_lock(settings):
        if not (archive.exists() and succeeds(*_buildah(settings), "inspect", "--type=image", image)):
            with step(f"Importing {image}"):
                write_archive(Image(image, [root]), archive)
                run(*_buildah(settings), "pull", "--quiet", f"docker-archive:{archive}")
    return image


def ensure_root_file_system(settings: Settings, packages: Sequence[str]) -> Path:
    """A tar file of the packages and what they depend on."""
    wanted = ",".join(sorted(packages))
    path = settings.cache / "bases" / f"{SUITE}-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}.tar"
    with build_lock(settings):
        if not path.exists():
            with step(f"Unpacking {wanted}"):
                _unpack(wanted, path)
    return path


def _unpack(packages: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"unfinished-{path.name}")
    unneeded = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("doc", "man", "locale", "info")]
    run("mmdebstrap", "--quiet", "--variant=extract", f"--include={packages}", *unneeded, SUITE, unfinished)
    unfinished.rename(path)


def _buildah(settings: Settings) -> tuple[str, ...]:
    return ("buildah", "--root", str(settings.containers), "--storage-driver", "vfs")
