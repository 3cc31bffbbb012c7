"""An etcd and kube-apiserver of one's own, with all kinds that the operator knows."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from mlendpoints.api.policy import OPERATOR
from mlendpoints.edge.kube.kinds import CONFIG, ENDPOINT, MLMODEL, MODEL
from tests.kit.client import Client, Object, connected
from tests.kit.waiting import poll_until

ROOT = Path(__file__).parents[2]
_BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"


@contextmanager
def control_plane(*options: str, kept: str = "") -> Iterator[Path]:
    """Brings one up and yields an administrator's kubeconfig; afterwards nothing of it is left.

    ``options`` are those of ``python -m cluster control-plane up``. ``kept`` names the folder of one
    that is used if it is up, and left running, so that the next one needs not wait.
    """
    if kept:
        yield _up(kept, *options)
        return
    with tempfile.TemporaryDirectory(prefix="mlendpoints-") as folder:
        try:
            yield _up(folder, *options)
        finally:
            _run("down", "--dir", folder)
            Path(folder).mkdir(exist_ok=True)  # for the context manager to remove


async def install(kubeconfig: Path, **variables: Sequence[str]) -> None:
    """The project's kinds and policy, and rights for the operator; with what the chart would put in the policy."""
    async with connected(kubeconfig) as client:
        for manifest in _documents("deploy/crds", "deploy/policies"):
            await client.apply(_address(manifest), with_variables(manifest, **variables))
        await client.apply(f"{_BINDINGS}/bench-operator", make_binding())
    async with connected(kubeconfig, user=OPERATOR) as operator:
        await poll_until(lambda: _are_served(operator), "the project's kinds are served")


def with_variables(manifest: Object, **variables: Sequence[str] | dict[str, str]) -> Object:
    """The operator's policy with these lists and maps in its variables; any other object as it is."""
    for variable in manifest["spec"].get("variables", []):
        if variable["name"] in variables:
            value = variables[variable["name"]]
            variable["expression"] = str(value if isinstance(value, dict) else list(value))
    return manifest


async def _are_served(client: Client) -> bool:
    for kind in (ENDPOINT, CONFIG, MODEL, MLMODEL):
        await client.items(kind.path("default"))
    return True


def make_binding() -> Object:
    """The operator may do everything: what it may do less is the chart's business."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "bench-operator"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": OPERATOR}],
    }


def _up(folder: str, *options: str) -> Path:
    return Path(_run("up", "--dir", folder, *options).splitlines()[-1].strip())


def _run(*arguments: str) -> str:
    command = [sys.executable, "-m", "cluster", "control-plane", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def _documents(*folders: str) -> Iterator[Object]:
    for folder in folders:
        for path in sorted((ROOT / folder).glob("*.yaml")):
            yield from yaml.safe_load_all(path.read_text())


def _address(manifest: Object) -> str:
    plural = f"{manifest['kind'].lower()}s".replace("policys", "policies")
    return f"/apis/{manifest['apiVersion']}/{plural}/{manifest['metadata']['name']}"
