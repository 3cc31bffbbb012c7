"""Kubeconfigs and API servers that are not as they should be: one sentence that says what to do."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from mlendpoints.client import (
    ClientError,
    ConfigurationError,
    MLOpsClient,
    UnauthorizedError,
    UnreachableError,
    WaitTimeoutError,
)
from mlendpoints.client.connection import find_config
from mlendpoints.client.failures import make_error
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.errors import response_error

Write = Callable[[object], Path]
CLUSTER = {"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}
CONTEXTS = [
    {"name": "prod", "context": {"cluster": "c", "namespace": "ml"}},
    {"name": "lost", "context": {"cluster": "x"}},
]
GOOD = {"clusters": [CLUSTER], "contexts": CONTEXTS, "current-context": "prod"}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: object) -> Path:
        path = tmp_path / "kubeconfig"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    return write


def test_the_current_context_and_its_namespace_are_used(write: Write) -> None:
    found = find_config(write(GOOD))
    assert (found.context_name, found.namespace) == ("prod", "ml")


@pytest.mark.parametrize(
    ("content", "context", "message"),
    [
        (GOOD, "prd", r"no context prd. Did you mean prod\?"),
        (GOOD, "zzz", "no context zzz. Contexts: lost, prod"),
        (GOOD, "lost", "Context lost of the kubeconfig names 'x', which is not in it"),
        (GOOD | {"current-context": None}, "", "no current context. Name one: lost, prod"),
        ("clusters: [", "", "is not a kubeconfig"),
        ("- 1", "", "is not a kubeconfig"),
        ({}, "", "is not a kubeconfig"),
    ],
)
def test_a_wrong_kubeconfig_is_explained(write: Write, content: object, context: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        find_config(write(content), context)


def test_a_missing_kubeconfig_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="There is no kubeconfig"):
        MLOpsClient()


def test_an_api_server_that_does_not_respond_is_explained(write: Write) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens
        server = f"https://127.0.0.1:{closed.getsockname()[1]}"
        cluster = {"name": "c", "cluster": {"server": server}}
        with MLOpsClient(kubeconfig=write(GOOD | {"clusters": [cluster]})) as client:
            with pytest.raises(UnreachableError, match=f"{server} does not respond") as caught:
                client.V1Alpha1Model.list()
            assert caught.value.__cause__ is None
            assert caught.value.__suppress_context__


def test_a_closed_client_says_so(write: Write) -> None:
    client = MLOpsClient(kubeconfig=write(GOOD))
    client.close()
    client.close()
    with pytest.raises(ClientError, match="closed"):
        client.V1Alpha1Model.list()


def test_credentials_that_are_not_accepted_are_explained() -> None:
    error = make_error(response_error(401, "Unauthorized", b""), Ref("MLModel", "ml", ""), server="https://x")
    assert isinstance(error, UnauthorizedError)


def test_a_busy_api_server_is_explained() -> None:
    error = make_error(response_error(503, "Unavailable", b"x" * 9000), Ref("MLModel", "ml", ""), server="https://x")
    assert isinstance(error, UnreachableError)
    assert len(str(error)) < 3000


def test_a_timed_out_wait_is_a_timeout_error_too() -> None:
    error = WaitTimeoutError("Timed out.", goal="Ready")
    assert isinstance(error, TimeoutError)
    assert (str(error), error.goal) == ("Timed out.", "Ready")
