"""Bounds that came after the first release: what broke them before can still be scaled, and be put right."""

import uuid
from collections.abc import Iterator

import pytest

from mlendpoints.api.crd import make_crd
from mlendpoints.api.mlmodel import MLModel
from tests.apiserver.conftest import install
from tests.kit.sync_client import Object, SyncClient
from tests.kit.waiting import wait_until

LARGE = {"env": [{"name": f"V{number}", "value": "a" * 8192} for number in range(16)]}
OLD = {"image": "Titanic:1", "artifact": "http://models.example.com", "memory": 512, "size": "64"}
SPEC = {"runAsUser": 1337, "replicas": 1} | OLD | LARGE


def _crd(group: str, *, with_bounds: bool) -> Object:
    """The MLModel's definition, in a group of its own."""
    crd = make_crd(MLModel)
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    spec = schema["properties"]["spec"]
    crd["metadata"]["name"] = f"mlmodels.{group}"
    crd["spec"] |= {"group": group}
    if not with_bounds:
        spec["x-kubernetes-validations"] = [r for r in spec["x-kubernetes-validations"] if "optionalOldSelf" not in r]
    return crd


@pytest.fixture
def address(server: SyncClient, namespace: str) -> Iterator[str]:
    """Of an object that was stored before the bounds came."""
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    place = f"/apis/{group}/v1alpha1/namespaces/{namespace}/mlmodels"
    obj = {"apiVersion": f"{group}/v1alpha1", "kind": "MLModel", "metadata": {"name": "titanic"}, "spec": SPEC}
    install(server, _crd(group, with_bounds=False))
    wait_until(lambda: server.ask("POST", place, body=obj).status_code == 201, "the older kind is served")
    install(server, _crd(group, with_bounds=True))
    new = obj | {"metadata": {"name": "new"}}
    wait_until(lambda: server.ask("POST", f"{place}?dryRun=All", body=new).status_code == 422, "the bounds hold")
    yield f"{place}/titanic"
    server.ask("DELETE", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/mlmodels.{group}")


def _patched(server: SyncClient, address: str, spec: Object, subresource: str = "") -> Object:
    headers = {"Content-Type": "application/merge-patch+json"}
    answer: Object = server.ask("PATCH", f"{address}{subresource}", body={"spec": spec}, headers=headers).json()
    return answer


def test_it_can_be_scaled(server: SyncClient, address: str) -> None:
    assert _patched(server, address, {"replicas": 3}, "/scale")["spec"] == {"replicas": 3}


def test_other_fields_can_be_changed(server: SyncClient, address: str) -> None:
    assert _patched(server, address, {"image": "titanic:2"})["spec"]["image"] == "titanic:2"
    assert _patched(server, address, {"port": 8081})["spec"]["memory"] == 512


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"env": LARGE["env"][1:]}, "may have at most 64 KiB"),
        ({"args": ["other"]}, "may have at most 64 KiB"),
        ({"runAsUser": 0}, "runAsUser must not be one of 0 (root)"),
        ({"memory": "512m"}, "memory must be at least 4Mi"),
        ({"size": 65}, "size must be at least 4Ki"),
        ({"image": "Titanic:2"}, "image must be in lower case"),
        ({"artifact": "http://models.example.com/"}, "artifact must have a path"),
    ],
)
def test_what_breaks_a_bound_cannot_be_changed_into_what_breaks_it_still(
    server: SyncClient, address: str, change: Object, says: str
) -> None:
    assert says in _patched(server, address, change)["message"]


def test_both_can_be_put_right(server: SyncClient, address: str) -> None:
    assert _patched(server, address, {"env": [], "runAsUser": 1000})["spec"]["runAsUser"] == 1000
