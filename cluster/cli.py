"""The command line: `python3 -m cluster …`, from the root of the checkout.

Results go to stdout, progress and errors to stderr.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cluster.base import SUITE, ensure_base_image
from cluster.bring_up import ADDONS, bring_up
from cluster.control_plane import control_plane_down, control_plane_up
from cluster.controllers import WITHOUT_NODES, WORKLOADS
from cluster.errors import ClusterError
from cluster.images import load_image
from cluster.locks import cluster_lock
from cluster.settings import Settings, settings_from_environment
from cluster.status import is_running, status_lines
from cluster.teardown import tear_down


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(settings_from_environment(), options) or 0)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
    except PermissionError as error:
        print(f"error: no permission for {error.filename}; run this as root, with sudo.", file=sys.stderr)
    return 1


def _up(settings: Settings, options: argparse.Namespace) -> None:
    bring_up(settings, options.addon)
    print(settings.kubeconfig)


def _down(settings: Settings, _options: argparse.Namespace) -> None:
    with cluster_lock(settings):
        tear_down(settings)


def _status(settings: Settings, _options: argparse.Namespace) -> int:
    print("\n".join(status_lines(settings)))
    return 0 if is_running(settings) else 3


def _kubeconfig(settings: Settings, _options: argparse.Namespace) -> None:
    if not settings.kubeconfig.exists():
        raise ClusterError("There is no cluster; create one with `python3 -m cluster up`.")
    print(settings.kubeconfig)


def _load(settings: Settings, options: argparse.Namespace) -> None:
    with cluster_lock(settings):
        for archive in options.archives:
            load_image(settings, archive)


def _base(settings: Settings, options: argparse.Namespace) -> None:
    print(ensure_base_image(settings, options.name, options.include.split(","), options.suite))


def _control_plane_up(settings: Settings, options: argparse.Namespace) -> None:
    folder = options.dir.absolute()
    controllers = WORKLOADS if options.workloads else WITHOUT_NODES if options.controllers else ()
    print(control_plane_up(settings, folder, istio_crds=options.istio_crds, controllers=controllers))


def _control_plane_down(_settings: Settings, options: argparse.Namespace) -> None:
    control_plane_down(options.dir.absolute())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m cluster", description="A real Kubernetes with Istio on this machine."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="bring the cluster up and print its kubeconfig")
    up.add_argument("--addon", action="append", default=[], choices=ADDONS, help="install this, too")
    up.set_defaults(run=_up)
    commands.add_parser("down", help="remove the cluster and everything it created").set_defaults(run=_down)
    commands.add_parser("status", help="what runs, and where; exit code 3 if a daemon does not").set_defaults(
        run=_status
    )
    commands.add_parser("kubeconfig", help="print the kubeconfig's path").set_defaults(run=_kubeconfig)
    load = commands.add_parser("load", help="load docker archives into the node")
    load.add_argument("archives", nargs="+", type=Path, metavar="IMAGE.tar")
    load.set_defaults(run=_load)
    base = commands.add_parser("base", help="make a base image of Debian packages and print its name")
    base.add_argument("name")
    base.add_argument("--include", required=True, metavar="PACKAGE,…")
    base.add_argument("--suite", default=SUITE, help="release of Debian that the packages are from")
    base.set_defaults(run=_base)
    _add_control_plane(commands.add_parser("control-plane", help="etcd and kube-apiserver alone"))
    return parser


def _add_control_plane(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="bring one up and print its kubeconfig")
    up.add_argument("--istio-crds", action="store_true", help="install Istio's CRDs")
    up.add_argument(
        "--controllers", action="store_true", help="run garbage collection, namespaces and service accounts"
    )
    up.add_argument("--workloads", action="store_true", help="the same, and Deployments, Jobs, EndpointSlices")
    up.set_defaults(run=_control_plane_up)
    down = commands.add_parser("down", help="end one and remove its folder")
    down.set_defaults(run=_control_plane_down)
    for command in (up, down):
        command.add_argument("--dir", type=Path, required=True, help="its folder; each control plane has its own")
