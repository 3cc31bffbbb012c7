"""Kubernetes' own controllers still take instances along, whatever the policies say to people."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlendpoints.api.policy import OPERATOR
from tests.apiserver.api.objects import a_template, an_instance
from tests.kit.sync_client import Object, SyncClient, address
from tests.kit.waiting import wait_until

NAMESPACE = "/api/v1/namespaces"


@pytest.fixture(scope="module")
def collecting(collecting_kubeconfig: Path) -> Iterator[SyncClient]:
    """An API server whose garbage is collected."""
    server = SyncClient.at(collecting_kubeconfig)
    yield server
    server.http.close()


@pytest.fixture
def owned(collecting: SyncClient) -> Iterator[tuple[Object, list[tuple[str, Object]]]]:
    """An endpoint, and its instances, in a namespace of their own."""
    namespace = f"collected-{uuid.uuid4().hex[:8]}"
    collecting.ask("POST", NAMESPACE, body={"metadata": {"name": namespace}}).raise_for_status()
    endpoint = collecting.create("mle", a_template("mle", namespace)).raise_for_status().json()
    instances = []
    for short in ("mlm", "mlec"):
        instance = an_instance(short, namespace)
        (owner,) = instance["metadata"]["ownerReferences"]
        owner |= {"uid": endpoint["metadata"]["uid"], "blockOwnerDeletion": True}
        collecting.impersonating(OPERATOR).create(short, instance).raise_for_status()
        instances.append((short, instance))
    yield endpoint, instances
    collecting.ask("DELETE", f"{NAMESPACE}/{namespace}")


def _is_gone(server: SyncClient, short: str, obj: Object) -> bool:
    return server.ask("GET", address(short, obj)).status_code == 404


@pytest.mark.parametrize("policy", ["Foreground", "Background"])
def test_instances_go_with_their_endpoint(
    policy: str, owned: tuple[Object, list[tuple[str, Object]]], collecting: SyncClient
) -> None:
    endpoint, instances = owned
    body = {"propagationPolicy": policy}
    collecting.ask("DELETE", address("mle", endpoint), body=body).raise_for_status()

    wait_until(lambda: _is_gone(collecting, "mle", endpoint), "the endpoint is gone")
    wait_until(lambda: all(_is_gone(collecting, *each) for each in instances), "its instances are gone")


def test_instances_are_orphaned(owned: tuple[Object, list[tuple[str, Object]]], collecting: SyncClient) -> None:
    endpoint, instances = owned
    collecting.ask("DELETE", address("mle", endpoint), body={"propagationPolicy": "Orphan"}).raise_for_status()

    wait_until(lambda: _is_gone(collecting, "mle", endpoint), "the endpoint is gone")
    left = [collecting.read(address(*each))["metadata"].get("ownerReferences", []) for each in instances]
    assert left == [[], []]


def test_instances_go_with_their_namespace(
    owned: tuple[Object, list[tuple[str, Object]]], collecting: SyncClient
) -> None:
    endpoint, instances = owned
    namespace = f"{NAMESPACE}/{endpoint['metadata']['namespace']}"
    collecting.ask("DELETE", namespace).raise_for_status()

    wait_until(lambda: all(_is_gone(collecting, *each) for each in instances), "its instances are gone")
    wait_until(lambda: collecting.ask("GET", namespace).status_code == 404, "the namespace is gone")
