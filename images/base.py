"""Base images: a public one, or one built from Debian packages if no image registry is reachable."""

import os
import re

from images.catalogue import ROOT, Base, Image, host_platform
from images.engine import Engine
from images.programs import Failure, run

LOCAL = "localhost/mlendpoints-base/"
_OWN = re.compile(r"^ARG BASE=(\S+)$", re.MULTILINE)


def base_image(base: Base, engine: Engine) -> str:
    """``$BASE_PYTHON`` or ``$BASE_NGINX``; else a local one, with buildah; else empty: the Containerfile's."""
    local = f"{LOCAL}{base.name}:{base.suite}" if engine.name == "buildah" else ""
    return os.environ.get(base.variable) or local


def advice(image: Image, reference: str) -> str:
    """A warning for a base that is referenced by a tag, which can be moved to another image."""
    containerfile = (ROOT / "images" / image.name / "Containerfile").read_text()
    named = reference or "".join(_OWN.findall(containerfile))
    if "@sha256:" in named or named.startswith("localhost/"):
        return ""
    return (
        f"{image.name}: the base {named} is referenced by a tag, which can move. To pin it, set"
        f" {image.base.variable} to"
        f" {named}@sha256:..., with the digest that `docker buildx imagetools inspect {named}` prints."
    )


def ensure_base(base: Base, reference: str, platform: str) -> None:
    """Builds the local base if it is requested; fast if it exists already."""
    if not reference.startswith(LOCAL):
        return
    if platform != host_platform():
        raise Failure(f"the local base is only for {host_platform()}; set {base.variable} to an image for {platform}")
    packages = ("--include", ",".join(base.packages), "--suite", base.suite)
    run("python3", "-m", "cluster", "base", base.name, *packages, cwd=ROOT)
