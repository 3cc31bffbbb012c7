"""The cluster's own images, written from the built programs, and the loading of image archives into containerd.

pause is catatonit, which is static and has a pause mode. istiod and CoreDNS are static too; only Envoy needs a C
library, and iptables comes along for sidecar injection.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from cluster.archives import Image, Layer, write_archive
from cluster.base import ensure_root_file_system
from cluster.binaries import ADDONS, ENVOY
from cluster.commands import run
from cluster.errors import ClusterError
from cluster.locks import build_lock
from cluster.node import PAUSE_IMAGE, containerd_socket
from cluster.settings import Settings
from cluster.steps import step

COREDNS_IMAGE = "localhost/coredns:dev"
PROXY_PACKAGES = ("libc6", "libgcc-s1", "iptables")
IPTABLES = {
    f"usr/sbin/{v}tables{verb}": "xtables-nft-multi" for v in ("ip", "ip6") for verb in ("", "-save", "-restore")
}


def ensure_images(settings: Settings) -> list[Path]:
    """The archives of pause, CoreDNS, istiod and the proxy; built if missing in the cache."""
    return [_pause(settings), _coredns(settings), _istiod(settings), _proxy(settings)]


def ensure_loaded(settings: Settings, archives: Sequence[Path]) -> None:
    """Load our own archives that this cluster lacks; their names in the cache identify their content."""
    loaded = settings.state / "loaded"
    loaded.mkdir(parents=True, exist_ok=True)
    for archive in archives:
        if not (loaded / archive.name).exists():
            load_image(settings, archive)
            (loaded / archive.name).touch()


def load_image(settings: Settings, archive: Path) -> None:
    """Import a docker archive for kubelet; its images replace those of the same names."""
    if not archive.is_file():
        raise ClusterError(f"{archive} is not a file; use an archive of `docker save` or `buildah push`.")
    run("ctr", f"--address={containerd_socket(settings)}", "--namespace=k8s.io", "images", "import", archive)


def _pause(settings: Settings) -> Path:
    layer = Layer({"pause": Path(shutil.which("catatonit") or "/usr/bin/catatonit")})
    return write_image(
        settings, "pause", Image(PAUSE_IMAGE, [], {"Entrypoint": ["/pause", "-P"], "User": "65535:65535"}), [layer]
    )


def _coredns(settings: Settings) -> Path:
    layer = Layer({"coredns": ADDONS.folder(settings) / "coredns"})
    return write_image(
        settings,
        f"coredns-{ADDONS.folder(settings).name}",
        Image(COREDNS_IMAGE, [], {"Entrypoint": ["/coredns"]}),
        [layer],
    )


def _istiod(settings: Settings) -> Path:
    program = "usr/local/bin/pilot-discovery"
    layer = Layer({program: ADDONS.folder(settings) / "pilot-discovery"})
    image = Image("localhost/pilot:dev", [], {"Entrypoint": [f"/{program}"], "User": "1337:1337"})
    return write_image(settings, f"pilot-{ADDONS.folder(settings).name}", image, [layer])


def _proxy(settings: Settings) -> Path:
    istio = ADDONS.folder(settings)
    files = {
        "usr/local/bin/pilot-agent": istio / "pilot-agent",
        "usr/local/bin/envoy": ENVOY.folder(settings) / "envoy",
        "var/lib/istio/envoy/envoy_bootstrap_tmpl.json": istio / "envoy_bootstrap.json",
    }
    base = ensure_root_file_system(settings, PROXY_PACKAGES)
    image = Image(
        "localhost/proxyv2:dev",
        [base],
        {"Entrypoint": ["/usr/local/bin/pilot-agent"], "Env": ["PATH=/usr/local/bin:/usr/bin:/usr/sbin"]},
    )
    return write_image(
        settings, f"proxyv2-{istio.name}-{ENVOY.folder(settings).name}-{base.stem}", image, [Layer(files, IPTABLES)]
    )


def write_image(settings: Settings, key: str, image: Image, layers: Sequence[Layer]) -> Path:
    """Write the image's archive with `layers` on top, named `key`, unless it is there."""
    archive = settings.cache / "images" / f"{key}.tar"
    with build_lock(settings):
        if not archive.exists():
            with step(f"Writing image {image.name}"):
                _write_new(archive, image, layers)
    return archive


def _write_new(archive: Path, image: Image, layers: Sequence[Layer]) -> None:
    archive.parent.mkdir(parents=True, exist_ok=True)
    files = [archive.with_suffix(f".layer{number}") for number in range(len(layers))]
    for layer, file in zip(layers, files, strict=True):
        layer.write(file)
    write_archive(Image(image.name, [*image.layers, *files], image.config), archive)
    for file in files:
        file.unlink()
