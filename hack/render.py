"""Renders the Helm chart into ``deploy/install.yaml``, ``deploy/kustomize/base`` and what the wheel carries.

One source, four ways to install.

Copies the generated CRDs and policy into the chart first, which cannot reach outside
itself. ``--check`` needs no Helm: it compares the copies, and the digest of all that was
rendered, which the files carry. It must not decide what is in the manifests.
"""

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from hack.programs import search_path
from hack.release import make_release

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "chart" / "mlendpoints"
BASE = DEPLOY / "kustomize" / "base"
RELEASE = ROOT / "src" / "mlendpoints" / "client" / "release" / "manifests.jsonl"
COPIES = ("crds", "policies")
NAMESPACE = "machine-learning"
_PROGRAMS = (Path(__file__), Path(__file__).with_name("release.py"))
KUBERNETES = "1.34.0"  # the oldest that the chart takes and later ones render the same
NAMESPACE_MANIFEST = f"""apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    app.kubernetes.io/part-of: mlendpoints
    pod-security.kubernetes.io/enforce: restricted
"""


def main() -> int:
    """0, or 1 when ``--check`` finds a stale file."""
    arguments = _arguments()
    if arguments.check:
        found = stale()
        print("".join(f"{path} is stale: run `make generate`\n" for path in found), end="")
        return 1 if found else 0
    for name in COPIES:
        shutil.copytree(DEPLOY / name, CHART / "files" / name, dirs_exist_ok=True)
    for path, content in rendered(arguments.registry, arguments.tag).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return 0


def stale() -> list[str]:
    """Paths that do not follow from their sources any more, relative to the checkout."""
    pairs = _copies().items()
    copies = [copy for copy, source in pairs if not copy.is_file() or copy.read_bytes() != source.read_bytes()]
    outputs = [DEPLOY / "install.yaml", BASE / "kustomization.yaml"]
    heads = [path for path in outputs if not path.is_file() or not path.read_text().startswith(_head())]
    if not RELEASE.is_file() or json.loads(RELEASE.read_text().partition("\n")[0])["source"] != _source():
        heads.append(RELEASE)
    return [str(path.relative_to(ROOT)) for path in (*copies, *heads)]


def rendered(registry: str, tag: str) -> Mapping[Path, str]:
    """Every file made from the chart: path -> content."""
    parts = {"namespace.yaml": NAMESPACE_MANIFEST, **_parts(_template(registry, tag))}
    listing = "".join(f"  - {name}\n" for name in parts)
    kustomization = f"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n{listing}"
    return {
        DEPLOY / "install.yaml": _head() + "---\n".join(parts.values()),
        BASE / "kustomization.yaml": _head() + kustomization,
        **{BASE / name: content for name, content in parts.items()},
        RELEASE: make_release(
            parts.values(),
            source=_source(),
            registry=registry,
            values=(CHART / "values.yaml").read_text(),
            variables=(CHART / "templates" / "_env.tpl").read_text(),
        ),
    }


def _template(registry: str, tag: str) -> str:
    images = f"images.registry={registry},images.tag={tag}"
    where = ("--namespace", NAMESPACE, "--kube-version", KUBERNETES)
    command = [_helm(), "template", "mlendpoints", str(CHART), *where, "--set", images]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _parts(manifests: str) -> Mapping[str, str]:
    """One file for each of the chart's templates, CRDs first, in Helm's order."""
    parts: dict[str, str] = {}
    for document in manifests.removeprefix("---\n").split("\n---\n"):
        source, _, body = document.partition("\n")
        name = source.rsplit("/", 1)[-1]
        body = re.sub(r"^# Made by .*\n", "", body, flags=re.MULTILINE).strip("\n")
        body = body.replace("  annotations:\n    helm.sh/resource-policy: keep\n", "").replace(
            "managed-by: Helm", "managed-by: kustomize"
        )
        parts[name] = f"{parts[name]}---\n{body}\n" if name in parts else f"{body}\n"
    return dict(sorted(parts.items(), key=lambda part: part[0] != "crds.yaml"))


def _helm() -> str:
    found = shutil.which("helm") or shutil.which("helm", path=search_path())
    if not found:
        sys.exit("hack/render.py: helm not found; install it, or run `make cluster-up` once, which builds it")
    return found


def _head() -> str:
    return f"# Made by `make install.yaml` from deploy/chart/mlendpoints; do not edit. Source: {_source()}\n"


def _source() -> str:
    return f"sha256:{_digest()}"


def _digest() -> str:
    digest = hashlib.sha256()
    for path in sorted((*_PROGRAMS, *(path for path in CHART.rglob("*") if path.is_file()))):
        digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _copies() -> Mapping[Path, Path]:
    """Copy in the chart -> what it is a copy of."""
    sources = [path for name in COPIES for path in (DEPLOY / name).glob("*.yaml")]
    return {CHART / "files" / source.relative_to(DEPLOY): source for source in sources}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is stale")
    parser.add_argument("--registry", default="registry.example.com/mlendpoints", help="where the images are")
    parser.add_argument("--tag", default="0.1.0", help="their tag")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
