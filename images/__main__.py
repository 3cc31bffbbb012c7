"""``python3 -m images build [NAME...] [--load]`` and ``python3 -m images load [NAME...]``.

Builds with docker (when its daemon answers), podman or buildah, whichever is there,
and skips what has not changed. Environment: ``REGISTRY`` and ``TAG`` (the names),
``BASE_PYTHON`` and ``BASE_NGINX`` (the bases), ``FLUENT_BIT`` (a program, for one more image), ``KUBECONFIG`` (the
cluster).
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from images.base import advice, base_image, ensure_base
from images.catalogue import CACHE, IMAGES, Image, host_platform
from images.context import assemble, digest
from images.dependencies import PLATFORMS
from images.destination import load
from images.engine import Build, Engine, engine
from images.programs import Failure


def main() -> int:
    """Exit code 1 with a message if something is missing or fails."""
    settings = _arguments()
    os.umask(0o022)  # the images' user reads the files created here
    try:
        builder = engine()
        images = [IMAGES[name] for name in settings.names or _usual()]
        if settings.command == "build":
            _timed("built", images, lambda image: _build(image, builder, settings.platform))
        if settings.command == "load" or settings.load:
            _timed("loaded", images, lambda image: load(image, builder))
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


def _usual() -> list[str]:
    """The images that an installation needs."""
    return [image.name for image in IMAGES.values() if not image.on_demand]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m images", description="Builds and loads the container images.")
    commands = parser.add_subparsers(dest="command", required=True)
    for command in ("build", "load"):
        each = commands.add_parser(command)
        each.add_argument(
            "names", nargs="*", metavar="NAME", help=f"of {', '.join(IMAGES)}; default: {', '.join(_usual())}"
        )
        each.add_argument(
            "--platform", choices=sorted(PLATFORMS), default=host_platform(), help="default: this machine's"
        )
        each.add_argument("--load", action="store_true", help="bring them to the current cluster, too")
    settings = parser.parse_args()
    unknown = set(settings.names) - set(IMAGES)
    if unknown:
        parser.error(f"unknown image {', '.join(sorted(unknown))}; known: {', '.join(IMAGES)}")
    return settings


def _timed(done: str, images: Iterable[Image], act: Callable[[Image], bool]) -> None:
    for image in images:
        start = time.monotonic()
        word = done if act(image) else "unchanged"
        print(f"{image.reference}: {word} ({time.monotonic() - start:.1f} s)", flush=True)


def _build(image: Image, builder: Engine, platform: str) -> bool:
    """False if the image exists and was built from the same inputs."""
    base = base_image(image.base, builder)
    inputs = digest(image, platform, base, *image.base.packages)
    if builder.digest(image.reference) == inputs:
        return False
    if warning := advice(image, base):
        print(f"warning: {warning}", file=sys.stderr)
    ensure_base(image.base, base, platform)
    (CACHE / "images").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE / "images") as folder:
        assemble(image, Path(folder), platform)
        builder.build(Build(image.reference, base=base, digest=inputs, platform=platform, context=Path(folder)))
    return True


if __name__ == "__main__":
    sys.exit(main())
