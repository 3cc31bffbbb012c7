"""The examples in the docstrings of the blocking client, each from the same beginning."""

import doctest
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlendpoints.client import EndpointClient, KindClient, MLOpsClient
from tests.apiserver.client.conftest import NAMESPACE, a_model, create_titanic
from tests.kit.sync_client import SyncClient

KINDS = ("create", "update", "delete", "get", "list", "watch", "wait")
VERBS = ("explain", "history", "weights", "scale", "swap")


@pytest.fixture
def titanic(kubeconfig: Path, server: SyncClient) -> Iterator[MLOpsClient]:
    answer = server.ask("POST", "/api/v1/namespaces", body={"metadata": {"name": NAMESPACE}})
    assert answer.status_code in (201, 409)
    with MLOpsClient(kubeconfig=kubeconfig, namespace=NAMESPACE) as client:
        yield client
        for kind in (client.V1Alpha1Endpoint, client.V1Alpha1EndpointConfig, client.V1Alpha1Model):
            for obj in kind.list():
                kind.delete(obj.metadata.name, wait=True)


def failures(owner: type, method: str, client: MLOpsClient) -> list[str]:
    found = doctest.DocTestFinder(recurse=False).find(getattr(owner, method), method, globs={"client": client})
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    assert found[0].examples
    runner.run(found[0], out=said.append)
    return said


@pytest.mark.parametrize("method", KINDS)
def test_the_examples_of_kinds_are_right(titanic: MLOpsClient, method: str) -> None:
    if method != "create":
        titanic.V1Alpha1Model.create(a_model("rfc"))
    assert failures(KindClient, method, titanic) == []


@pytest.mark.parametrize("method", VERBS)
def test_the_examples_of_verbs_are_right(titanic: MLOpsClient, method: str) -> None:
    create_titanic(titanic)
    assert failures(EndpointClient, method, titanic) == []
