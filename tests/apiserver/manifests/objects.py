"""Objects of any kind in one namespace, written as the operator writes them: created, then applied."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2

from mlendpoints.api.labels import MANAGER
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.drift import stamped

OPERATOR = {
    "Impersonate-User": "system:serviceaccount:machine-learning:mlendpoints-operator",
    "Impersonate-Group": "system:masters",
}
APPLY = "application/apply-patch+yaml"
SOMEBODY = {"Impersonate-User": "somebody@example.com", "Impersonate-Group": "system:masters"}
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"


class Objects:
    """One namespace of a real API server."""

    def __init__(self, http: httpx2.Client, namespace: str) -> None:
        self.http = http
        self.namespace = namespace

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """POST, every unknown field refused."""
        query = f"?fieldManager={MANAGER}&fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
        return self._ask("POST", self._folder(manifest) + query, manifest)

    def apply(self, manifest: Manifest) -> Manifest:
        """Server-side apply, forced."""
        return self._ask("PATCH", self._path(manifest) + f"?fieldManager={MANAGER}&force=true", manifest, APPLY)

    def replace(self, manifest: Manifest) -> Manifest:
        """PUT, every unknown field refused."""
        query = f"?fieldManager={MANAGER}&fieldValidation=Strict"
        return self._ask("PUT", self._path(manifest) + query, manifest)

    def edit(self, manifest: Manifest, patch: Manifest, content_type: str = MERGE) -> Manifest:
        """Somebody else's patch."""
        return self._ask("PATCH", self._path(manifest) + "?fieldManager=somebody", patch, content_type, SOMEBODY)

    def _ask(
        self,
        method: str,
        path: str,
        body: Manifest,
        content_type: str = "application/json",
        user: Mapping[str, str] = OPERATOR,
    ) -> Manifest:
        headers = {**user, "Content-Type": content_type}
        response = self.http.request(method, path, content=json.dumps(body), headers=headers)
        assert response.is_success, response.text
        answer: Manifest = response.json()
        return answer

    def _path(self, manifest: Manifest) -> str:
        return f"{self._folder(manifest)}/{manifest['metadata']['name']}"

    def _folder(self, manifest: Manifest) -> str:
        version = manifest["apiVersion"]
        group = f"/apis/{version}" if "/" in version else f"/api/{version}"
        scope = "" if manifest["kind"] == "PersistentVolume" else f"/namespaces/{self.namespace}"
        return f"{group}{scope}/{manifest['kind'].lower()}s".replace("policys", "policies")


def our_fields(stored: Manifest) -> str:
    """The operator's own sets of fields, as the cache keeps them."""
    entries = [entry for entry in stored["metadata"]["managedFields"] if entry["manager"] == MANAGER]
    return json.dumps([entry["fieldsV1"] for entry in entries])


def sent(manifest: Manifest) -> Manifest:
    """What goes over the wire."""
    return stamped(manifest)


def differences(wanted: Any, found: Any, path: str = "") -> list[str]:  # noqa: ANN401 - any part of a manifest
    """Paths at which ``found`` does not hold what is wanted; what the server added beside it is no difference."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [
            each
            for key, value in wanted.items()
            for each in (
                differences(value, found[key], f"{path}.{key}") if key in found else [f"{path}.{key}: missing"]
            )
        ]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(wanted, found, strict=True))
        return [each for i, (one, other) in pairs for each in differences(one, other, f"{path}[{i}]")]
    return [] if wanted == found else [f"{path}: {wanted!r} became {found!r}"]
