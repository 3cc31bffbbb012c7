"""Users of the API: the operator's ServiceAccount, and somebody who may do everything in a namespace."""

import pytest

from mlendpoints.api.policy import OPERATOR
from tests.apiserver.server import Server

USER = "ada@example.com"


def _may_do_everything(server: Server, user: str) -> None:
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"test-{user.replace(':', '-').replace('@', '-')}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    }
    response = server.ask("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", body=binding)
    assert response.status_code in (201, 409)


@pytest.fixture(scope="session")
def operator(server: Server) -> Server:
    """The API server, asked as the operator."""
    _may_do_everything(server, OPERATOR)
    return server.impersonating(OPERATOR)


@pytest.fixture(scope="session")
def user(server: Server) -> Server:
    """The API server, asked as somebody whom RBAC allows everything."""
    _may_do_everything(server, USER)
    return server.impersonating(USER)
