"""The operator's own client on the real API server, with Istio's kinds there.

It acts as somebody who may do everything: its scenarios play users, too, which the operator's own user may not
(see ``api/test_containment.py``).
"""

from pathlib import Path
from typing import Protocol

import pytest
from aiohttp import ClientMiddlewareType

from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.metrics import Metrics
from tests.apiserver.api.conftest import may_do_everything
from tests.kit.sync_client import SyncClient

USER = "edge@example.com"


class Connect(Protocol):
    """Connects as the user, inside a running event loop."""

    def __call__(self, metrics: Metrics, *middlewares: ClientMiddlewareType) -> Api:
        """The client; the middlewares see all of its requests."""


@pytest.fixture(scope="session")
def user_may_write(server: SyncClient) -> None:
    """The user may do everything."""
    may_do_everything(server, USER)


@pytest.fixture
def connect(
    kubeconfig: Path,
    istio: None,  # noqa: ARG001 - it has to be there
    user_may_write: None,  # noqa: ARG001 - the same
    monkeypatch: pytest.MonkeyPatch,
) -> Connect:
    """Connects as the user, inside a running event loop."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    return lambda metrics, *middlewares: Api.connect(
        impersonate=USER, observer=metrics.request, middlewares=middlewares
    )
