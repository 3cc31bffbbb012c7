"""The nginx of model pods on this machine, as in its image: entry point, configuration, and the base's program."""

import os
import re
from pathlib import Path

from cluster.base import ensure_folder
from cluster.settings import settings_from_environment
from images.catalogue import NGINX, ROOT


def entrypoint(folder: Path) -> Path:
    """The entry point of the proxy in this folder; its other files are beside it, apart from what it writes."""
    return folder / "mlendpoints" / "entrypoint"


def put_proxy(folder: Path, *, port: int, monitoring: int) -> dict[str, str]:
    """Puts it in the folder, with its ports moved; the environment in which to run its entry point."""
    files = entrypoint(folder).parent
    files.mkdir()
    for source in (ROOT / "images" / "nginx").iterdir():
        text = source.read_text()
        text = text.replace("/tmp/", f"{folder}/").replace("/etc/mlendpoints", str(files))  # noqa: S108 - replaces it
        text = re.sub(r"(listen +(\[::\]:)?)8088;", rf"\g<1>{port};", text)
        text = re.sub(r"(listen +(\[::\]:)?)9090;", rf"\g<1>{monitoring};", text)
        (files / source.name).write_text(text)
    if os.geteuid() == 0:  # the worker shall be who the folder belongs to
        template = files / "nginx.conf.template"
        template.write_text(f"user root;\n{template.read_text()}")
    _put_program(folder / "nginx")
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def _put_program(program: Path) -> None:
    """That of the image's base, which this machine's own release of Debian may not have."""
    root = ensure_folder(settings_from_environment(), NGINX.packages, NGINX.suite)
    (loader,), (libraries,) = root.glob("usr/lib*/ld-linux*"), root.glob("usr/lib/*-linux-gnu")
    nginx = f"{root}/usr/sbin/nginx -p {root}/usr/share/nginx"
    program.write_text(f'#!/bin/sh\nexec {loader} --library-path {libraries} {nginx} "$@"\n')
    program.chmod(0o755)
