"""The chart as Helm renders it, and a few questions to what comes out. Needs `helm` on the PATH."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from hack.render import KUBERNETES

CHART = Path(__file__).parents[2] / "deploy" / "chart" / "mlendpoints"
NAMESPACE = "machine-learning"


def helm_template(values: Mapping[str, Any], *, namespace: str = NAMESPACE) -> subprocess.CompletedProcess[str]:
    """What `helm template` says, whether it agrees with the values or not."""
    command = ["helm", "template", "mlendpoints", str(CHART), "--namespace", namespace, "--kube-version", KUBERNETES]
    return subprocess.run(
        [*command, "--values", "-"], input=json.dumps(values), capture_output=True, text=True, check=False
    )


def rendered(*, namespace: str = NAMESPACE, **values: Any) -> Sequence[Mapping[str, Any]]:  # noqa: ANN401 - as in YAML
    """All manifests, for these values and a registry."""
    done = helm_template({"images": {"registry": "registry.example.com/team"}, **values}, namespace=namespace)
    assert done.returncode == 0, done.stderr
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]


def of_kind(manifests: Sequence[Mapping[str, Any]], kind: str) -> Iterator[Mapping[str, Any]]:
    return (manifest for manifest in manifests if manifest["kind"] == kind)


def operator_rules(manifests: Sequence[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    """The rules of the operator's own roles; those for people are left out."""
    roles = (role for role in of_kind(manifests, kind) if role["metadata"]["name"].startswith("mlendpoints-operator"))
    return [rule for role in roles for rule in role["rules"]]


def operator_environment(manifests: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
    """The operator's variables; those that Kubernetes fills in have the value that it would give."""
    (deployment,) = of_kind(manifests, "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each.get("value", deployment["metadata"]["namespace"]) for each in container["env"]}
