"""The API server with Istio's kinds and PodMonitors, and a namespace that admits only what fits ``restricted``."""

import uuid

import pytest

from tests.apiserver.manifests.objects import Objects
from tests.kit.sync_client import SyncClient

PODS_ADMITTED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/enforce-version": "latest",
}


@pytest.fixture
def objects(server: SyncClient, istio: None, pod_monitors: None) -> Objects:  # noqa: ARG001 - they have to be there
    """A new namespace with Pod Security ``restricted`` enforced, seen by the operator."""
    namespace = f"test-{uuid.uuid4().hex[:10]}"
    body = {"metadata": {"name": namespace, "labels": PODS_ADMITTED}}
    server.ask("POST", "/api/v1/namespaces", body=body).raise_for_status()
    objects = Objects(server.http, namespace)
    for account in ("default", "reader"):  # no controller runs that would make the first
        objects.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}})
    return objects
