"""Brings images to where the current cluster pulls them from. It must not build.

Without ``KUBECONFIG`` that is the local cluster of ``cluster/``; else the context's
name tells: kind, k3d and minikube take archives, all others pull from ``$REGISTRY``.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from images.catalogue import CACHE, REGISTRY, ROOT, Image
from images.engine import Engine
from images.programs import Failure, answer, run

RECORD = CACHE / "images" / "loaded.json"
STATE = Path(os.environ.get("MLENDPOINTS_STATE", "/var/lib/mlendpoints"))
LOCAL_KUBECONFIG = STATE / "kubeconfig"


def load(image: Image, engine: Engine) -> bool:
    """Brings one image to the cluster; False if the same image exists there already."""
    if not REGISTRY.startswith("localhost/"):
        engine.push(image.reference)
        return True
    place, digest = _cluster(), engine.digest(image.reference)
    loaded = _loaded()
    if loaded.get(f"{place} {image.reference}") == digest:
        return False
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch) / f"{image.name}.tar"
        engine.save(image.reference, archive)
        _hand_over(archive)
    _record({**_loaded(), f"{place} {image.reference}": digest})
    return True


def _hand_over(archive: Path) -> None:
    if _is_local():
        run("python3", "-m", "cluster", "load", archive, cwd=ROOT)
        return
    context = answer("kubectl", "config", "current-context")
    match context.split("-", 1):
        case ["kind", name]:
            run("kind", "load", "image-archive", archive, "--name", name)
        case ["k3d", name]:
            run("k3d", "image", "import", archive, "--cluster", name)
        case ["minikube"]:
            run("minikube", "image", "load", archive)
        case _:
            raise Failure(
                f"context {context or '(none)'} pulls from a registry: set REGISTRY, such as registry.example.com/team"
            )


def _cluster() -> str:
    """An identity that differs for a re-created cluster."""
    if not _is_local():
        return run("kubectl", "get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
    if not LOCAL_KUBECONFIG.exists():
        raise Failure("there is no local cluster: create one with `python3 -m cluster up`, or set KUBECONFIG")
    return hashlib.sha256(LOCAL_KUBECONFIG.read_bytes()).hexdigest()


def _is_local() -> bool:
    return os.environ.get("KUBECONFIG", str(LOCAL_KUBECONFIG)) == str(LOCAL_KUBECONFIG)


def _loaded() -> Mapping[str, str]:
    if not RECORD.exists():
        return {}
    record: Mapping[str, str] = json.loads(RECORD.read_text())
    return record


def _record(loaded: Mapping[str, str]) -> None:
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    RECORD.write_text(json.dumps(loaded, indent=1))
