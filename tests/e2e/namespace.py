"""A namespace of a test's own on the live cluster, and what a user does and sees in it."""

import json
import subprocess
from pathlib import Path
from typing import Any

from mlendpoints.edge.kube.kinds import CONFIG, ENDPOINT, KINDS, MODEL, Kind
from tests.kit.sync_client import Object, SyncClient
from tests.kit.waiting import wait_until

ROOT = Path(__file__).parents[2]
NAMESPACE = Kind(name="Namespace", api_version="v1", plural="namespaces", namespaced=False)
CONFIG_MAP = Kind(name="ConfigMap", api_version="v1", plural="configmaps")
SECRET = Kind(name="Secret", api_version="v1", plural="secrets")
QUOTA = Kind(name="ResourceQuota", api_version="v1", plural="resourcequotas")
ROLE_BINDING = Kind(name="RoleBinding", api_version="rbac.authorization.k8s.io/v1", plural="rolebindings")
_KINDS = KINDS | {kind.name: kind for kind in (NAMESPACE, CONFIG_MAP, SECRET, QUOTA, ROLE_BINDING)}
_APPLY = {"Content-Type": "application/apply-patch+yaml"}
_MERGE = {"Content-Type": "application/merge-patch+json"}


def kubectl(*arguments: str) -> str:
    """What it prints; fails where it fails."""
    command = ["hack/on-cluster", "kubectl", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


class Namespace:
    """One namespace."""

    def __init__(self, server: SyncClient, name: str) -> None:
        self.server = server
        self.name = name

    def host(self, endpoint: str) -> str:
        """A host that no other test names."""
        return f"{endpoint}.{self.name}.example.com"

    def apply(self, *manifests: Object) -> None:
        """As ``kubectl apply --server-side`` would."""
        for manifest in manifests:
            metadata = manifest["metadata"] | {"namespace": self.name}
            path = self._path(_KINDS[manifest["kind"]], metadata["name"]) + "?fieldManager=e2e&force=true"
            response = self.server.ask("PATCH", path, body=manifest | {"metadata": metadata}, headers=_APPLY)
            assert response.is_success, response.text

    def edit(self, kind: Kind, name: str, spec: Object) -> None:
        """Merges ``spec`` into the object's."""
        response = self.server.ask("PATCH", self._path(kind, name), body={"spec": spec}, headers=_MERGE)
        assert response.is_success, response.text

    def annotate(self, kind: Kind, name: str, annotations: dict[str, str | None]) -> None:
        """Sets annotations; removes those that are None."""
        body = {"metadata": {"annotations": annotations}}
        response = self.server.ask("PATCH", self._path(kind, name), body=body, headers=_MERGE)
        assert response.is_success, response.text

    def delete(self, kind: Kind, name: str) -> None:
        """Asks for it; does not wait."""
        response = self.server.ask("DELETE", self._path(kind, name))
        assert response.is_success, response.text

    def create(self, plural: str, manifest: Object) -> None:
        """An object of Kubernetes' core, which no operator knows."""
        path = f"/api/v1/namespaces/{self.name}/{plural}"
        response = self.server.ask("POST", path, body={"apiVersion": "v1"} | manifest)
        assert response.is_success, response.text

    def remove(self, plural: str, name: str) -> None:
        """Deletes such an object."""
        response = self.server.ask("DELETE", f"/api/v1/namespaces/{self.name}/{plural}/{name}")
        assert response.is_success, response.text

    def set_status(self, kind: Kind, name: str, status: Object) -> None:
        """Merges ``status`` into the object's, as its controller would."""
        path = f"{self._path(kind, name)}/status"
        response = self.server.ask("PATCH", path, body={"status": status}, headers=_MERGE)
        assert response.is_success, response.text

    def find(self, kind: Kind, name: str) -> Object | None:
        """The object, if it exists."""
        response = self.server.ask("GET", self._path(kind, name))
        if response.status_code == 404:
            return None
        assert response.is_success, response.text
        found: Object = response.json()
        return found

    def get(self, kind: Kind, name: str) -> Object:
        """The object, which must exist."""
        found = self.find(kind, name)
        assert found is not None, f"{kind.name} {self.name}/{name} does not exist"
        return found

    def all(self, kind: Kind) -> list[Object]:
        """Every object of the kind."""
        items: list[Object] = self.server.read(kind.path(self.name))["items"]
        return items

    def instances(self, endpoint: str) -> list[Object]:
        """The endpoint's model instances, by variant."""
        found = [m for m in self.all(MODEL) if m["spec"].get("instance", {}).get("endpoint") == endpoint]
        return sorted(found, key=lambda instance: str(instance["spec"]["instance"]["variant"]))

    def until_ready(self, endpoint: str) -> Object:
        """Waits until the endpoint is as asked."""
        return self.until_condition(endpoint, "Ready", "True")

    def until_rolled_out(self, config: str, status: str = "True") -> None:
        """Waits as ``kubectl wait mlec/... --for=condition=RolledOut`` would, but for this generation."""
        self.until_condition(config, "RolledOut", status, kind=CONFIG)

    def until_condition(
        self, name: str, condition: str, status: str, *, reason: str = "", kind: Kind = ENDPOINT
    ) -> Object:
        """Waits until a condition of the present generation says so; the object at that moment."""

        def holds() -> Object | None:
            obj = self.get(kind, name)
            found = condition_of(obj, condition)
            said = found.get("status") == status and reason in ("", found.get("reason"))
            return obj if said and found.get("observedGeneration") == obj["metadata"]["generation"] else None

        return wait_until(
            holds,
            f"{condition} of {self.name}/{name} is {status} {reason}".rstrip(),
            last=lambda: json.dumps(self.get(kind, name).get("status"), indent=1),
        )

    def until_gone(self, kind: Kind, name: str) -> None:
        """Waits until the object does not exist."""
        wait_until(
            lambda: self.find(kind, name) is None,
            f"{kind.name} {self.name}/{name} is gone",
            last=lambda: self.find(kind, name),
        )

    def _path(self, kind: Kind, name: str) -> str:
        return kind.path(self.name, name)


def condition_of(obj: Object, condition: str) -> dict[str, Any]:
    """The condition of that type; empty when it is not there."""
    conditions = obj.get("status", {}).get("conditions", [])
    return next((found for found in conditions if found["type"] == condition), {})
