"""Base images: a public one, or one made from Debian packages where no image registry is reached."""

import os
import re

from images.catalogue import ROOT, Base, Image, host_platform
from images.engine import Engine
from images.programs import Failure, run

LOCAL = "localhost/mlendpoints-base/"
_OWN = re.compile(r"^ARG BASE=(\S+)$", re.MULTILINE)


def base_image(base: Base, engine: Engine) -> str:
    """``$BASE_PYTHON`` or ``$BASE_NGINX``; else one made here, with buildah; else empty: the Containerfile's own."""
    local = f"{LOCAL}{base.name}:{base.suite}" if engine.name == "buildah" else ""
    return os.environ.get(base.variable) or local


def advice(image: Image, reference: str) -> str:
    """A sentence for whoever builds on a base that is named by a tag, behind which another image may stand tomorrow."""
    containerfile = (ROOT / "images" / image.name / "Containerfile").read_text()
    named = reference or "".join(_OWN.findall(containerfile))
    if "@sha256:" in named or named.startswith("localhost/"):
        return ""
    return (
        f"{image.name}: the base {named} is named by a tag, which may move. To pin it, set {image.base.variable} to"
        f" {named}@sha256:..., with the digest that `docker buildx imagetools inspect {named}` prints."
    )


def ensure_base(base: Base, reference: str, platform: str) -> None:
    """Makes the local base where that is what is asked for; quick where it is there already."""
    if not reference.startswith(LOCAL):
        return
    if platform != host_platform():
        raise Failure(f"the local base is for {host_platform()} alone; set {base.variable} to an image for {platform}")
    packages = ("--include", ",".join(base.packages), "--suite", base.suite)
    run("python3", "-m", "cluster", "base", base.name, *packages, cwd=ROOT)
