"""Requests, errors and latencies of variants, from the metrics of pods through a real API server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from mlendpoints.client import Endpoint
from tests.apiserver.dashboard.conftest import Open, serving
from tests.apiserver.dashboard.pods import Load, create_pod, metrics_of
from tests.kit.sync_client import SyncClient

BLUE, GREEN = "rfc-iqarvt52", "lr-iqarvt52"


@pytest.fixture
def url(endpoint: Endpoint, kubeconfig: Path, namespace: str) -> Iterator[str]:
    assert endpoint
    with serving(kubeconfig, "-n", namespace) as url:
        yield url


def show(opened: Open, url: str) -> Page:
    page = opened(url)
    page.get_by_role("link", name="titanic").click()
    return page


def cell(page: Page, variant: str, name: str) -> str:
    return page.get_by_role("row", name=variant).locator(f'[data-label="{name}"]').inner_text()


def test_without_pods_the_page_says_so(opened: Open, url: str) -> None:
    expect(show(opened, url).get_by_text("No pod runs.")).to_be_visible()


def test_each_variant_has_its_requests_errors_and_latencies(
    opened: Open, url: str, server: SyncClient, namespace: str
) -> None:
    create_pod(server, namespace, "blue-1", instance=BLUE)
    create_pod(server, namespace, "blue-2", instance=BLUE)
    create_pod(server, namespace, "green-1", instance=GREEN)
    with metrics_of({"blue-1": Load(rate=30), "blue-2": Load(rate=10), "green-1": Load(rate=8, errors=2)}):
        page = show(opened, url)
        expect(page.get_by_role("row", name="green")).to_contain_text("25 %")
        assert 35 < float(cell(page, "blue", "Requests/s")) < 45
        assert cell(page, "blue", "Errors") == "0 %"
        assert cell(page, "blue", "p50") == "11.4 ms"
        assert cell(page, "blue", "p99") == "75 ms"


def test_pods_that_answer_with_anything_else_are_said_to_have_no_metrics(
    opened: Open, url: str, server: SyncClient, namespace: str
) -> None:
    create_pod(server, namespace, "blue-1", instance=BLUE)
    create_pod(server, namespace, "green-1", instance=GREEN)
    with metrics_of({"blue-1": "x" * (2 << 20), "green-1": "/api/v1/namespaces/default/pods"}):
        page = show(opened, url)
        expect(page.get_by_text("Without 2 of 2 pods. The metrics of pod blue-1 have more than")).to_be_visible()
        assert cell(page, "blue", "Requests/s") == "\N{EN DASH}"
