"""The image builders, docker, podman and buildah, behind the few verbs needed. It must not choose what is built."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from images.catalogue import CACHE
from images.programs import answer, ensure, run

LABEL = "mlendpoints.dev/inputs"
"""Image label with the digest of the image's inputs: an image with the same digest is not built again."""


@dataclass(frozen=True)
class Build:
    """One image to build."""

    reference: str
    base: str
    digest: str
    platform: str
    context: Path


@dataclass(frozen=True)
class Engine:
    """A builder, by name, with the options it always takes."""

    name: str
    command: tuple[str, ...]

    def build(self, build: Build) -> None:
        """Builds and names one image; an empty base leaves the Containerfile's own."""
        base = ("--build-arg", f"BASE={build.base}") if build.base else ()
        before = self._id(build.reference)
        run(
            *(*self.command, "bud" if self.name == "buildah" else "build", *self._build_options()),
            *("--platform", build.platform, *base, "--label", f"{LABEL}={build.digest}"),
            *("-t", build.reference, "-f", build.context / "Containerfile", build.context),
        )
        if before and before != self._id(build.reference):
            answer(*self.command, "rmi", before)  # nameless now, and buildah's storage has no other layers to share

    def digest(self, reference: str) -> str:
        """The digest of the image's inputs; empty if the image does not exist."""
        if self.name == "buildah":
            return answer(*self.command, "inspect", "--type", "image", "--format", _label("OCIv1.Config"), reference)
        return answer(*self.command, "image", "inspect", "--format", _label("Config"), reference)

    def save(self, reference: str, archive: Path) -> None:
        """Writes the image as a Docker archive."""
        match self.name:
            case "buildah":
                run(*self.command, "push", "--quiet", reference, f"docker-archive:{archive}:{reference}")
            case "podman":
                run(*self.command, "save", "--format", "docker-archive", "-o", archive, reference)
            case _:
                run(*self.command, "save", "-o", archive, reference)

    def push(self, reference: str) -> None:
        """Sends the image to the registry in its name."""
        run(*self.command, "push", reference)

    def _id(self, reference: str) -> str:
        """The image's id; empty if it does not exist, or if the builder collects garbage by itself."""
        return answer(*self.command, "images", "--quiet", "--no-trunc", reference) if self.name == "buildah" else ""

    def _build_options(self) -> tuple[str, ...]:
        match self.name:
            case "buildah":
                return ("--isolation", "chroot", "--timestamp", "0")
            case "podman":
                return ("--timestamp", "0")
            case _:
                return ()


def engine() -> Engine:
    """Docker if its daemon responds, else Podman, else buildah (installed if possible)."""
    os.environ.setdefault("SOURCE_DATE_EPOCH", "0")
    if answer("docker", "info", "--format", "{{.ServerVersion}}"):
        return Engine("docker", ("docker",))
    if shutil.which("podman"):
        return Engine("podman", ("podman",))
    ensure(["buildah"])
    return Engine("buildah", ("buildah", "--root", str(CACHE / "containers"), "--storage-driver", "vfs"))


def _label(where: str) -> str:
    return f'{{{{index .{where}.Labels "{LABEL}"}}}}'
