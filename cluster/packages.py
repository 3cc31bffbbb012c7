"""Debian packages that the cluster needs, installed only where their program is missing.

Programs are looked for, not packages: a machine with Docker has its own containerd, which Debian's package would push
out.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.commands import run, succeeds
from cluster.steps import step

PACKAGES = {
    "buildah": "buildah",
    "catatonit": "catatonit",
    "conntrack": "conntrack",
    "containerd": "containerd",
    "ip": "iproute2",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
    "openssl": "openssl",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
POLICY = Path("/usr/sbin/policy-rc.d")
NO_SERVICES = "#!/bin/sh\n# mlendpoints: no service starts while its packages are installed\nexit 101\n"


def missing_packages() -> list[str]:
    """Debian's names of the packages whose programs, or keys, are not there."""
    missing = [
        package for command, package in PACKAGES.items() if not (shutil.which(command) or Path(command).exists())
    ]
    return missing if succeeds("/usr/bin/python3", "-m", "pip", "--version") else [*missing, "python3-pip"]


def ensure_packages() -> None:
    """Install what is missing; no package may start a service of its own."""
    missing = missing_packages()
    if not missing:
        return
    with step(f"Installing {' '.join(missing)}"), _no_services():
        run("apt-get", "update")
        options = ("--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120")
        run("apt-get", "install", *options, *missing, env={"DEBIAN_FRONTEND": "noninteractive"})


@contextmanager
def _no_services() -> Iterator[None]:
    """Debian's mechanism for this, a policy-rc.d; an existing one is kept."""
    if not POLICY.exists():
        POLICY.write_text(NO_SERVICES)
        POLICY.chmod(0o755)
    try:
        yield
    finally:
        if POLICY.read_text() == NO_SERVICES:
            POLICY.unlink()
