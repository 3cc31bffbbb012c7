"""The inputs of each image. Nothing here runs anything."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
CACHE = Path(
    os.environ.get("MLENDPOINTS_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlendpoints"
)
REGISTRY = os.environ.get("REGISTRY") or "localhost/mlendpoints"
TAG = os.environ.get("TAG") or "dev"
FLUENT_BIT = os.environ.get("FLUENT_BIT") or ""  # path of a program, below the repository or anywhere
PYTHON_VERSION = "3.11"


@dataclass(frozen=True)
class Base:
    """The base of an image: a public image, or Debian packages if no registry is reachable."""

    name: str
    variable: str
    packages: tuple[str, ...]
    suite: str = "bookworm"


@dataclass(frozen=True)
class Image:
    """One image: its sources and programs (path in the repository -> path in the build context), its dependencies.

    A program is the folder of a Go module, compiled on the host; a published one is a program of others, which is
    compiled from its modules. Dependencies are a lock file. An image on demand is only built if it is named.
    """

    name: str
    base: Base
    sources: Mapping[str, str]
    lock: str = ""
    programs: Mapping[str, str] = field(default_factory=dict)
    published: Mapping[str, str] = field(default_factory=dict)
    on_demand: bool = False

    @property
    def reference(self) -> str:
        """The image's full name."""
        return f"{REGISTRY}/{self.name}:{TAG}"


PYTHON = Base("python", "BASE_PYTHON", ("python3", "libstdc++6"))
# njs 0.8 or later, which can share state between requests. base-files has the links from /bin and /lib to /usr.
NGINX = Base("nginx", "BASE_NGINX", ("base-files", "nginx", "libnginx-mod-http-js", "dash", "sed"), "trixie")
# For a program as its publisher builds it for Debian 12.
FLUENT_BIT_BASE = Base(
    "fluent-bit",
    "BASE_FLUENT_BIT",
    ("libc6", "libgcc-s1", "libpq5", "libsasl2-2", "libssl3", "libsystemd0", "libyaml-0-2"),
)

IMAGES = {
    image.name: image
    for image in (
        Image(
            "operator",
            PYTHON,
            {"images/operator/Containerfile": "Containerfile", "src/mlendpoints": "mlendpoints"},
            "requirements.lock",
        ),
        Image(
            "model",
            PYTHON,
            {"images/model/Containerfile": "Containerfile", "images/model/server": "server"},
            "images/model/requirements.lock",
        ),
        Image(
            "model-init",
            PYTHON,
            {"images/model-init/Containerfile": "Containerfile", "fetcher": "fetcher", "outbound": "outbound"},
            "images/model-init/requirements.lock",
            {"supervisor": "supervise"},
        ),
        Image(
            "shipper",
            PYTHON,
            {"images/shipper/Containerfile": "Containerfile", "shipper": "shipper", "outbound": "outbound"},
            "images/shipper/requirements.lock",
        ),
        Image(
            "recorder",
            PYTHON,
            {
                "images/recorder/Containerfile": "Containerfile",
                "recorder": "recorder",
                "replay/gor": "replay/gor",
            },
            "images/recorder/requirements.lock",
            published={"images/recorder/gor": "gor"},
            on_demand=True,
        ),
        Image(
            "nginx",
            NGINX,
            {f"images/nginx/{path.name}": path.name for path in sorted((ROOT / "images/nginx").iterdir())},
        ),
        Image(
            "replay",
            PYTHON,
            {
                "images/replay/Containerfile": "Containerfile",
                **{package: package for package in ("fetcher", "outbound", "replay")},
            },
            "images/replay/requirements.lock",
            published={"images/replay/gor": "gor"},
            on_demand=True,
        ),
        *(
            [
                Image(
                    "fluent-bit",
                    FLUENT_BIT_BASE,
                    {"images/fluent-bit/Containerfile": "Containerfile", FLUENT_BIT: "fluent-bit"},
                )
            ]
            if FLUENT_BIT
            else []
        ),
    )
}


def host_platform() -> str:
    """The platform of this machine in the notation of image builders, such as ``linux/amd64``."""
    return "linux/arm64" if platform.machine() in {"arm64", "aarch64"} else "linux/amd64"
