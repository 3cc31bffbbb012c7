"""Generates files: CRDs, admission policies and the reference from the types; monitoring; the blocking client.

``--check`` writes nothing and fails when a file is stale. ``--operator`` names another
ServiceAccount for the policies (a Helm chart passes its template's expression).
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from hack.blocking import TARGET, make_blocking
from hack.cli_reference import make_cli_reference
from hack.dashboards import make_dashboards
from hack.replay_reference import make_replay_reference
from hack.rules import make_rules
from images.metrics_reference import make_buckets, make_metrics_reference
from mlendpoints.api import containment, passing, policy
from mlendpoints.api.crd import KINDS, make_crd
from mlendpoints.api.policy import OPERATOR
from mlendpoints.api.reference import make_reference

ROOT = Path(__file__).parent.parent
HEAD = "# Made by `make generate` from src/mlendpoints/api; do not edit.\n"


def generated(operator: str) -> Mapping[str, str]:
    """Every generated file: path below the root -> content."""
    crds = {f"deploy/crds/{names.plural}.yaml": _yaml(make_crd(kind)) for kind, names in KINDS.items()}
    return {
        **crds,
        **make_rules(),
        **make_dashboards(),
        TARGET: make_blocking(),
        "deploy/policies/instances.yaml": _yaml(*policy.make_policies(operator)),
        "deploy/policies/operator.yaml": _yaml(*containment.make_policies(operator)),
        "deploy/policies/references.yaml": _yaml(*passing.make_policies()),
        "docs/reference/api.md": make_reference(),
        "images/nginx/buckets.js": make_buckets(),
        "docs/reference/cli.md": make_cli_reference(),
        "docs/reference/pod-metrics.md": make_metrics_reference(),
        "docs/reference/replay.md": make_replay_reference(),
    }


def stale(root: Path, files: Mapping[str, str]) -> list[str]:
    """Paths of the files that are missing or differ."""
    return [
        path for path, content in files.items() if not (root / path).is_file() or (root / path).read_text() != content
    ]


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write the files, making folders as needed."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)


def main() -> int:
    """0, or 1 when ``--check`` finds a stale file."""
    arguments = _arguments()
    files = generated(arguments.operator)
    if not arguments.check:
        write(arguments.root, files)
        return 0
    found = stale(arguments.root, files)
    for path in found:
        print(f"{path} is stale: run `make generate`")
    return 1 if found else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is stale")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder to write below (default: the checkout)")
    parser.add_argument("--operator", default=OPERATOR, help="user name of the operator's ServiceAccount")
    return parser.parse_args()


def _yaml(*documents: Mapping[str, object]) -> str:
    return HEAD + yaml.dump_all(documents, Dumper=_Plain, sort_keys=False, width=120, allow_unicode=True)


class _Plain(yaml.SafeDumper):
    """Writes a value that occurs twice in full, without an anchor."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - yaml's signature
        return True


if __name__ == "__main__":
    sys.exit(main())
