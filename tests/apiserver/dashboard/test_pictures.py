"""The pictures of the docs: `MLENDPOINTS_PICTURES=docs/images` has the tests write them there."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from mlendpoints.client import Endpoint, MLModel, MLModelSpec, MLOpsClient, ObjectMeta
from tests.apiserver.client.conftest import Report, create_titanic
from tests.apiserver.client.operating import install
from tests.apiserver.dashboard.conftest import Open, serving
from tests.apiserver.dashboard.pods import Load, create_pod, metrics_of
from tests.apiserver.dashboard.reports import READY, SERVING, create_event, failed, hold_lease, updating, variants
from tests.kit.sync_client import SyncClient

LOADS = {
    "blue-1": Load(rate=22.4),
    "blue-2": Load(rate=21.1, errors=0.1),
    "green-1": Load(rate=4.8, within=(0.3, 0.7, 0.9, 0.99, 1.0, 1.0)),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the pictures are written."""
    return Path(os.environ.get("MLENDPOINTS_PICTURES", tmp_path))


@pytest.fixture
def installed(server: SyncClient, namespace: str) -> Iterator[None]:
    """An operator that leads."""
    deployment = install(server, namespace)
    hold_lease(server, namespace, seconds=3600)
    yield
    server.ask("DELETE", deployment).raise_for_status()


@pytest.fixture
def url(  # noqa: PLR0913, PLR0917 - what is in the picture
    endpoint: Endpoint,
    client: MLOpsClient,
    report: Report,
    server: SyncClient,
    installed: None,  # noqa: ARG001 - no banner
    kubeconfig: Path,
) -> Iterator[str]:
    now = time.time()
    message = "bert-w2x4: the image cannot be pulled: registry.example.com/bert:2: not found."
    bert = create_titanic(client, name="bert")
    report(bert, **(failed(now, message=message) | {"traffic": "blue=100"}))
    report(create_titanic(client, name="fraud"), conditions=READY, **(SERVING | {"traffic": "blue=50,green=50"}))
    spec = MLModelSpec(image="registry.example.com/iris:1")
    iris = client.V1Alpha1MLModel.create(MLModel(metadata=ObjectMeta(name="iris"), spec=spec))
    report(iris, phase="Ready", readyReplicas=1, conditions={"Ready": ("True", "All pods are ready.")})
    past = failed(now, message="rfc-w2x4: the image cannot be pulled: not found.")["history"]
    client.endpoint("titanic").weights({"blue": 75, "green": 25}, wait=False, shared=True)
    report(endpoint, **updating(now), history=past, variants=variants(blue=90, green=10))
    create_event(server, endpoint, reason="UpdateStarted", note="Version w2x4 is rolled out.", now=now - 95)
    for pod in LOADS:
        create_pod(server, client.namespace, pod, instance=f"{'rfc' if 'blue' in pod else 'lr'}-iqarvt52")
    with serving(kubeconfig, "-n", client.namespace) as url, metrics_of(LOADS):
        yield url


def take(page: Page, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    # The namespace of a test is called as no one else would call it.
    page.evaluate("document.getElementById('place').textContent = 'Namespace titanic of production'")
    page.screenshot(path=path, full_page=True)
    assert path.stat().st_size < 200_000


def test_pictures_of_the_list_and_of_an_endpoint(opened: Open, url: str, folder: Path) -> None:
    page = opened(url, viewport={"width": 1100, "height": 400})
    expect(page.get_by_role("row", name="iris")).to_contain_text("Ready")
    take(page, folder / "dashboard-list.png")
    page.get_by_role("link", name="titanic").click()
    expect(page.get_by_role("row", name="blue")).to_contain_text("ms")
    expect(page.get_by_role("row", name="green")).to_contain_text("ms")
    expect(page.locator("#events tbody tr")).to_be_visible()
    take(page, folder / "dashboard-endpoint.png")
