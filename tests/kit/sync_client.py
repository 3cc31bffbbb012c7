"""A plain client of a real API server, for tests: paths in, responses out, nothing hidden."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
from lightkube import KubeConfig
from lightkube.config.client_adapter import Client, ConnectionParams

from mlendpoints.api.crd import KINDS
from mlendpoints.api.meta import API_VERSION

Object = dict[str, Any]
PLURALS = {names.short: names.plural for names in KINDS.values()}
KIND_NAMES = {names.short: kind.KIND for kind, names in KINDS.items()}
NO_HEADERS: Mapping[str, str] = {}
OWN_API = f"/apis/{API_VERSION}"


class SyncClient:
    """The API server, as one user. Kinds of the project go by their short names."""

    def __init__(self, http: httpx2.Client, user: str = "") -> None:
        self.http = http
        self._headers = {"Impersonate-User": user} if user else {}

    @classmethod
    def at(cls, kubeconfig: Path) -> "SyncClient":
        config = KubeConfig.from_file(str(kubeconfig)).get()
        assert config, f"{kubeconfig} has no current context"
        return cls(Client(config, ConnectionParams(trust_env=False)))

    def impersonating(self, user: str) -> "SyncClient":
        return SyncClient(self.http, user)

    def ask(
        self, method: str, path: str, *, body: Object | None = None, headers: Mapping[str, str] = NO_HEADERS
    ) -> httpx2.Response:
        content = None if body is None else json.dumps(body)
        all_headers = {"Content-Type": "application/json"} | self._headers | dict(headers)
        return self.http.request(method, path, content=content, headers=all_headers)

    def create(self, short: str, obj: Object) -> httpx2.Response:
        strict = "fieldValidation=Strict"
        return self.ask("POST", f"{place(short, obj['metadata']['namespace'])}?{strict}", body=typed(short, obj))

    def replace(self, short: str, obj: Object) -> httpx2.Response:
        return self.ask("PUT", address(short, obj), body=typed(short, obj))

    def merge(self, short: str, obj: Object, patch: Object, *, subresource: str = "") -> httpx2.Response:
        path = address(short, obj) + (f"/{subresource}" if subresource else "")
        return self.ask("PATCH", path, body=patch, headers={"Content-Type": "application/merge-patch+json"})

    def read(self, path: str) -> Object:
        response = self.ask("GET", path)
        response.raise_for_status()
        read: Object = response.json()
        return read

    def table(self, short: str, namespace: str) -> list[dict[str, Any]]:
        """What ``kubectl get`` prints: one column -> cell mapping for each row."""
        accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
        table = self.ask("GET", place(short, namespace), headers=accept).json()
        names = [column["name"] for column in table["columnDefinitions"]]
        return [dict(zip(names, row["cells"], strict=True)) for row in table["rows"]]


def place(short: str, namespace: str) -> str:
    return f"{OWN_API}/namespaces/{namespace}/{PLURALS[short]}"


def address(short: str, obj: Object) -> str:
    return f"{place(short, obj['metadata']['namespace'])}/{obj['metadata']['name']}"


def typed(short: str, obj: Object) -> Object:
    return {"apiVersion": API_VERSION, "kind": KIND_NAMES[short]} | obj
