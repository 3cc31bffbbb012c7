"""Capture by gor needs NET_RAW: who may request it, what the operator may create for it, and what is said elsewhere."""

from typing import Any

import pytest

from mlendpoints.api.reasons import Reason
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.deployment import make_pod, make_pod_metadata
from mlendpoints.core.manifests.sidecar import PACKETS
from mlendpoints.core.reasons.admission import explain_rejection
from tests.apiserver.api.objects import a_template, an_instance, merged
from tests.apiserver.api.test_containment import CONTAINER, POD, SAID, made, post
from tests.kit.sync_client import Object, SyncClient
from tests.kit.waiting import wait_until
from tests.unit.core.manifests.made import SETTINGS
from tests.unit.core.manifests.test_deployment import an_instance as a_version

S3 = {"sink": "s3://captured"}
GOR = S3 | {"engine": "gor"}
ENFORCE = "pod-security.kubernetes.io/enforce"
SAID_TO_USERS = (
    "capture.engine: gor needs the capability NET_RAW, which namespace {} does not allow. Use engine: nginx, or ask an "
    f"administrator to label the namespace {ENFORCE}: privileged"
)
PLACES: dict[str, Object] = {
    "mlec": {"capture": GOR},
    "mlec of a variant": {"models": [{"capture": GOR}]},
    "mlmodel": {"capture": GOR},
}


def enforce(server: SyncClient, namespace: str, level: str | None) -> None:
    """Labels the namespace; the API server knows it a moment later."""
    path = f"/api/v1/namespaces/{namespace}"
    merge = {"Content-Type": "application/merge-patch+json"}
    server.ask("PATCH", path, body={"metadata": {"labels": {ENFORCE: level}}}, headers=merge).raise_for_status()


@pytest.fixture
def open_namespace(server: SyncClient, operator: SyncClient, namespace: str) -> str:
    """One that is privileged, once admission knows."""
    enforce(server, namespace, "privileged")
    wait_until(lambda: not post(operator, "Deployment", deployment(namespace, {})), "admission knows the label")
    return namespace


def deployment(namespace: str, security: Object, *, name: str = "recorder") -> Object:
    container = {"name": name, "image": "recorder:1", "securityContext": merged(dict(PACKETS), security)}
    return made("Deployment", namespace, {"template": {"spec": POD | {"containers": [CONTAINER, container]}}})


@pytest.mark.parametrize("place", PLACES)
def test_a_namespace_that_is_not_privileged_rejects_it_and_says_what_to_do(
    place: str, user: SyncClient, namespace: str
) -> None:
    kind, spec = place.split(maxsplit=1)[0], PLACES[place]
    rejected = user.create(kind, a_template(kind, namespace, spec=spec))
    assert rejected.status_code == 403
    assert SAID_TO_USERS.format(namespace) in rejected.json()["message"]
    template = a_template(kind, namespace)
    user.create(kind, template).raise_for_status()
    change = {"models": [template["spec"]["models"][0] | {"capture": GOR}]} if "variant" in place else spec
    assert SAID_TO_USERS.format(namespace) in user.merge(kind, template, {"spec": change}).json()["message"]


@pytest.mark.parametrize("place", PLACES)
def test_a_privileged_namespace_takes_it_and_it_can_be_edited_when_the_label_is_gone(
    place: str, user: SyncClient, server: SyncClient, open_namespace: str
) -> None:
    kind, spec = place.split(maxsplit=1)[0], PLACES[place]
    template = a_template(kind, open_namespace, spec=spec)
    assert user.create(kind, template).status_code == 201
    enforce(server, open_namespace, None)
    assert user.merge(kind, template, {"metadata": {"labels": {"team": "a"}}}).status_code == 200


def test_frozen_configs_are_not_checked_again(operator: SyncClient, namespace: str) -> None:
    instance = an_instance("mlec", namespace, spec={"models": [{"capture": GOR}]})
    assert operator.create("mlec", instance).status_code == 201


def test_the_operator_creates_a_recorder_in_privileged_namespaces_only(
    operator: SyncClient, server: SyncClient, namespace: str
) -> None:
    assert SAID in post(operator, "Deployment", deployment(namespace, {}))
    for level in ("baseline", "restricted"):
        enforce(server, namespace, level)
        assert SAID in post(operator, "Deployment", deployment(namespace, {}))


@pytest.mark.parametrize(
    "security",
    [
        {"capabilities": {"add": ["NET_ADMIN"]}},
        {"capabilities": {"add": ["NET_RAW", "SYS_ADMIN"]}},
        {"capabilities": {"drop": None}},
        {"privileged": True, "allowPrivilegeEscalation": None},
        {"allowPrivilegeEscalation": True},
    ],
)
def test_nor_more_than_that(security: Object, operator: SyncClient, open_namespace: str) -> None:
    assert SAID in post(operator, "Deployment", deployment(open_namespace, security))


def test_nor_for_another_container(operator: SyncClient, open_namespace: str) -> None:
    assert SAID in post(operator, "Deployment", deployment(open_namespace, {}, name="agent"))


def pod(namespace: str, **capture: Any) -> tuple[Manifest, Any]:  # noqa: ANN401 - an instance
    instance = a_version(settings=SETTINGS, capture=S3 | capture)
    metadata = make_pod_metadata({}) | {"name": "rfc-1-x", "namespace": namespace}
    spec = make_pod(instance)
    containers = [{**each, "image": each.get("image") or "recorder:1"} for each in spec["containers"]]
    return {"metadata": metadata, "spec": spec | {"containers": containers}}, instance


@pytest.mark.parametrize("level", ["baseline", "restricted"])
def test_pods_that_pod_security_rejects_are_explained(level: str, server: SyncClient, namespace: str) -> None:
    enforce(server, namespace, level)
    path = f"/api/v1/namespaces/{namespace}/pods?dryRun=All"
    account = {"metadata": {"name": "default"}}
    server.ask("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", body=account).raise_for_status()
    manifest, instance = pod(namespace, engine="gor")
    rejected = wait_until(
        lambda: (found := server.ask("POST", path, body=manifest)).status_code == 403 and found.json()["message"],
        "admission knows the label",
    )
    reason, message = explain_rejection(f"Error creating: {rejected}", instance)
    assert reason == Reason.INVALID_SPEC
    assert "NET_RAW" in message
    assert message.endswith(
        "The namespace does not allow capture.engine: gor. Use engine: nginx, or ask an administrator to label the "
        f"namespace {ENFORCE}: privileged; pods are then created automatically."
    )
    other, _ = pod(namespace)
    assert server.ask("POST", path, body=other).status_code == 201
