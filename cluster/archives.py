"""Image archives in Docker's format, written without a container engine.

Layers are tar files, the rest is two JSON documents.
Same input, same bytes: owners, times and order are fixed, so an archive's digest changes only with its content.
"""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Layer:
    """Files to add (path in the image -> path here) and symbolic links (path in the image -> target)."""

    files: Mapping[str, Path]
    links: Mapping[str, str] = field(default_factory=dict)

    def write(self, target: Path) -> None:
        """Write the layer as a tar file."""
        with tarfile.open(target, "w") as archive:
            for name, source in sorted(self.files.items()):
                with source.open("rb") as content:
                    archive.addfile(_entry(name, mode=_mode(source), size=source.stat().st_size), content)
            for name, link in sorted(self.links.items()):
                archive.addfile(_entry(name, link=link))


@dataclass(frozen=True)
class Image:
    """What an image runs, as in a Dockerfile: `Entrypoint`, `User` ..."""

    name: str
    layers: Sequence[Path]
    config: Mapping[str, object] = field(default_factory=dict)


def write_archive(image: Image, target: Path) -> None:
    """Write a docker-archive; it appears atomically."""
    digests = [_sha256(layer) for layer in image.layers]
    configuration = {
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": image.config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        "history": [{"created_by": "mlendpoints cluster"} for _ in digests],
    }
    manifest = [{"Config": "config.json", "RepoTags": [image.name], "Layers": [f"{digest}.tar" for digest in digests]}]
    unfinished = target.with_name(f"unfinished-{target.name}")
    with tarfile.open(unfinished, "w") as archive:
        for digest, layer in dict(zip(digests, image.layers, strict=True)).items():
            with layer.open("rb") as content:
                archive.addfile(_entry(f"{digest}.tar", size=layer.stat().st_size), content)
        _add_json(archive, "config.json", configuration)
        _add_json(archive, "manifest.json", manifest)
    unfinished.rename(target)


def _add_json(archive: tarfile.TarFile, name: str, document: object) -> None:
    content = json.dumps(document).encode()
    archive.addfile(_entry(name, size=len(content)), io.BytesIO(content))


def _entry(name: str, *, mode: int = 0o644, size: int = 0, link: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name.lstrip("/"))
    entry.mode, entry.size = mode, size
    if link:
        entry.type, entry.linkname = tarfile.SYMTYPE, link
    return entry


def _mode(source: Path) -> int:
    return 0o755 if source.stat().st_mode & 0o100 else 0o644


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
