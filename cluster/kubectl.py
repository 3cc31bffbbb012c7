"""kubectl as the administrator of the whole cluster."""

import json

from cluster.binaries import program
from cluster.commands import run
from cluster.settings import Settings


def kubectl(settings: Settings, *arguments: str, stdin: str | None = None) -> str:
    """Run kubectl and return its stdout."""
    return run(program("kubectl", settings), f"--kubeconfig={settings.kubeconfig}", *arguments, stdin=stdin)


def apply(settings: Settings, *manifests: dict[str, object]) -> None:
    """Server-side apply of the manifests, in one call."""
    document = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
    kubectl(settings, "apply", "--server-side", "--force-conflicts", "--filename=-", stdin=document)
