"""Users of the API: the operator's ServiceAccount, somebody who may do everything, tenants with rights of choice."""

import uuid
from collections.abc import Callable

import pytest

from mlendpoints.api.policy import OPERATOR
from tests.kit.sync_client import PLURALS, Object, SyncClient
from tests.kit.waiting import wait_until

USER = "ada@example.com"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
MODELS = {
    "apiGroups": ["mlendpoints.dev"],
    "resources": [*PLURALS.values(), "machinelearningmodels/scale", "mlmodels/scale"],
    "verbs": ["get", "list", "create", "update", "patch", "delete", "deletecollection"],
}
MARKERS = {"apiGroups": ["example.com"], "resources": ["markers"], "verbs": ["get"]}  # see until_known
Tenants = Callable[..., SyncClient]


def may_do_everything(server: SyncClient, user: str) -> None:
    """Rights like a cluster administrator's: what is rejected then is rejected by admission."""
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"test-{user.replace(':', '-').replace('@', '-')}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    }
    response = server.ask("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", body=binding)
    assert response.status_code in (201, 409)
    until_known(server.impersonating(user), "default")


def until_known(user: SyncClient, namespace: str) -> None:
    """Waits until the authorizer knows that a user may read markers there, and so what was granted before."""
    wait_until(lambda: may(user, namespace, "get", "example.com", "markers"), "the user's rights are known")


@pytest.fixture(scope="session")
def operator(server: SyncClient) -> SyncClient:
    """The API server, asked as the operator."""
    may_do_everything(server, OPERATOR)
    return server.impersonating(OPERATOR)


@pytest.fixture(scope="session")
def user(server: SyncClient) -> SyncClient:
    """The API server, asked as somebody whom RBAC allows everything."""
    may_do_everything(server, USER)
    return server.impersonating(USER)


@pytest.fixture
def tenants(server: SyncClient, namespace: str) -> Tenants:
    """Makes a user who may write models, configs and endpoints in the namespace, and what further rules allow."""

    def tenant(*rules: Object, name: str = "") -> SyncClient:
        name = name or f"tenant-{uuid.uuid4().hex[:10]}"
        grant(server, namespace, name, [MODELS, *rules, MARKERS])
        known = server.impersonating(name)
        until_known(known, namespace)
        return known

    return tenant


@pytest.fixture
def tenant(tenants: Tenants) -> SyncClient:
    """The API server, asked as somebody who may write models, configs and endpoints in the namespace and no more."""
    return tenants()


def grant(server: SyncClient, namespace: str, user: str, rules: list[Object]) -> None:
    """A role and its binding, both named after the user."""
    group = "rbac.authorization.k8s.io"
    below = f"{_RBAC}/namespaces/{namespace}"
    server.ask("POST", f"{below}/roles", body={"metadata": {"name": user}, "rules": rules}).raise_for_status()
    binding = {
        "metadata": {"name": user},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": user},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }
    server.ask("POST", f"{below}/rolebindings", body=binding).raise_for_status()


def may(user: SyncClient, namespace: str, verb: str, group: str, resource: str) -> bool:
    """Whether the authorizer says so."""
    attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": resource}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = user.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=review)
    answer.raise_for_status()
    return bool(answer.json()["status"]["allowed"])
