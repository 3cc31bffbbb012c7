"""Base images: a public one, or one made from Debian packages where no image registry is reached."""

import os
import tempfile
from pathlib import Path

from images.catalogue import Base
from images.engine import Build, Engine
from images.programs import ensure, run

USELESS = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")


def base_image(base: Base, engine: Engine) -> str:
    """``$BASE_PYTHON`` or ``$BASE_NGINX``; else one made here, with buildah; else empty: the Containerfile's own."""
    chosen = os.environ.get(base.variable, "")
    local = f"localhost/mlendpoints-base/{base.name}:bookworm" if engine.name == "buildah" else ""
    return chosen or local


def make_local_base(base: Base, engine: Engine, platform: str) -> None:
    """Makes the base from Debian packages, extracted and nothing else: no shell unless it is asked for."""
    reference, facts = base_image(base, engine), f"{platform} {' '.join(base.packages)}"
    if engine.digest(reference) == facts:
        return
    ensure(["mmdebstrap"])
    with tempfile.TemporaryDirectory() as scratch:
        _extract(base, platform.removeprefix("linux/"), Path(scratch) / "base.tar")
        (Path(scratch) / "Containerfile").write_text("FROM scratch\nADD base.tar /\n")
        engine.build(Build(reference, base="", digest=facts, platform=platform, context=Path(scratch)))


def _extract(base: Base, architecture: str, archive: Path) -> None:
    run(
        *("mmdebstrap", "--quiet", "--variant=extract", f"--architectures={architecture}"),
        *(f"--dpkgopt=path-exclude={path}" for path in USELESS),
        *(f"--include={','.join(base.packages)}", "bookworm", archive),
    )
