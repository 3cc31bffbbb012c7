"""An image of the proxy as an earlier release had it: it knows neither readiness on its monitoring port nor pings."""

import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from threading import Lock

from images.catalogue import ROOT, Base, Image, host_platform
from images.destination import load
from images.engine import Build, engine
from tests.kit.images import image

TODAYS = image("nginx")
EARLIER = Image("nginx-earlier", Base("nginx", "", ()), {})
_ONE_AT_A_TIME = Lock()
_TEMPLATE = "nginx.conf.template"
_UNKNOWN = ("location = /ready {", "location = /.well-known/mlendpoints/ping {")
_CONTAINERFILE = f"ARG BASE\nFROM ${{BASE}}\nCOPY {_TEMPLATE} /etc/mlendpoints/\n"


def bring_earlier_proxy() -> str:
    """Builds the image from today's and brings it to the cluster; its name."""
    with _ONE_AT_A_TIME:
        return _bring()


@cache
def _bring() -> str:
    files = {"Containerfile": _CONTAINERFILE, _TEMPLATE: _without(_UNKNOWN)}
    builder = engine()
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), files)
        inputs = f"{builder.digest(TODAYS)}-earlier"
        build = Build(EARLIER.reference, base=TODAYS, digest=inputs, platform=host_platform(), context=Path(folder))
        builder.build(build)
    load(EARLIER, builder)
    return EARLIER.reference


def _without(locations: Iterable[str]) -> str:
    template = (ROOT / "images" / "nginx" / _TEMPLATE).read_text()
    for number, location in enumerate(locations):
        assert location in template, f"today's proxy has no {location}"
        template = template.replace(location, f"location = /.unknown/{number} {{")
    return template


def _write(folder: Path, files: Mapping[str, str]) -> None:
    folder.chmod(0o755)
    for name, content in files.items():
        (folder / name).write_text(content)
        (folder / name).chmod(0o644)
