"""Base images: a public one, or one made from Debian packages where no image registry is reached."""

import os

from images.catalogue import ROOT, Base, host_platform
from images.engine import Engine
from images.programs import Failure, run

LOCAL = "localhost/mlendpoints-base/"


def base_image(base: Base, engine: Engine) -> str:
    """``$BASE_PYTHON`` or ``$BASE_NGINX``; else one made here, with buildah; else empty: the Containerfile's own."""
    local = f"{LOCAL}{base.name}:{base.suite}" if engine.name == "buildah" else ""
    return os.environ.get(base.variable) or local


def ensure_base(base: Base, reference: str, platform: str) -> None:
    """Makes the local base where that is what is asked for; quick where it is there already."""
    if not reference.startswith(LOCAL):
        return
    if platform != host_platform():
        raise Failure(f"the local base is for {host_platform()} alone; set {base.variable} to an image for {platform}")
    packages = ("--include", ",".join(base.packages), "--suite", base.suite)
    run("python3", "-m", "cluster", "base", base.name, *packages, cwd=ROOT)
