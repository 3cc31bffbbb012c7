"""The operator's own client on the real API server, with Istio's kinds there.

It acts as somebody who may do everything: its scenarios play users, too, which the operator's own user may not
(see ``api/test_containment.py``).
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from mlendpoints.edge.client import Api
from mlendpoints.edge.metrics import Metrics
from tests.apiserver.server import Server

USER = "edge@example.com"

Connect = Callable[[Metrics], Api]


@pytest.fixture(scope="session")
def user_may_write(server: Server) -> None:
    """The user may do everything."""
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "test-edge-user"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER}],
    }
    response = server.ask("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", body=binding)
    assert response.status_code in (201, 409)


@pytest.fixture
def connect(
    kubeconfig: Path,
    istio: None,  # noqa: ARG001 - it has to be there
    user_may_write: None,  # noqa: ARG001 - the same
    monkeypatch: pytest.MonkeyPatch,
) -> Connect:
    """Connects as the user, inside a running event loop."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    return lambda metrics: Api.connect(impersonate=USER, observer=metrics.request)
