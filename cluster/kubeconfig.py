"""Kubeconfig files, with the certificates inside, so that each can be copied away."""

import base64
import json
from pathlib import Path

from cluster.certificates import Certificates


def write_kubeconfig(path: Path, *, server: str, made: Certificates, party: str) -> None:
    """Write `path` for `party`, whose certificate is in `made`. JSON is YAML; the file appears whole."""
    user = {"client-certificate-data": _encoded(made.certificate(party)), "client-key-data": _encoded(made.key(party))}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "mlendpoints",
                "cluster": {"server": server, "certificate-authority-data": _encoded(made.certificate("ca"))},
            }
        ],
        "users": [{"name": party, "user": user}],
        "contexts": [{"name": "mlendpoints", "context": {"cluster": "mlendpoints", "user": party}}],
        "current-context": "mlendpoints",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"unfinished-{path.name}")
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(config, indent=2) + "\n")
    unfinished.rename(path)


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
