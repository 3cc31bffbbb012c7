"""The page of one endpoint, as it changes."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from mlendpoints.client import Endpoint, MLOpsClient
from tests.apiserver.client.conftest import Report
from tests.apiserver.dashboard.conftest import Open, serving
from tests.apiserver.dashboard.reports import READY, SERVING, create_event, failed, updating, variants
from tests.kit.sync_client import SyncClient

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def page(endpoint: Endpoint, kubeconfig: Path, namespace: str, opened: Open) -> Iterator[Page]:
    with serving(kubeconfig, "-n", namespace) as url:
        page = opened(url)
        page.get_by_role("link", name=endpoint.metadata.name, exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("titanic")
        yield page


def test_a_canary_by_hand_shows_requested_weights_at_once_and_those_in_force_when_they_are(
    page: Page, client: MLOpsClient, report: Report, endpoint: Endpoint
) -> None:
    expect(page.get_by_role("img", name="In force: blue 90 %, green 10 %")).to_be_visible()
    client.endpoint("titanic").weights({"blue": 75, "green": 25}, wait=False)
    expect(page.get_by_role("img", name="Requested: blue 75 %, green 25 %")).to_be_visible()
    expect(page.get_by_role("img", name="In force: blue 90 %, green 10 %")).to_be_visible()
    report(endpoint, conditions=READY, **SERVING, variants=variants(blue=75, green=25))
    expect(page.get_by_role("img", name="In force: blue 75 %, green 25 %")).to_be_visible()
    expect(page.get_by_role("row", name="green")).to_contain_text("25")


def test_an_update_is_a_timeline_and_a_failed_one_says_why_and_what_to_do(
    page: Page, report: Report, endpoint: Endpoint
) -> None:
    expect(page.get_by_text("None is running.")).to_be_visible()
    report(endpoint, **updating(time.time()), variants=variants(blue=90, green=10))
    expect(page.get_by_role("listitem").and_(page.locator("[aria-current=step]"))).to_contain_text("StartingInstances")
    expect(page.locator("#steps .done")).to_have_count(1)
    report(endpoint, **failed(time.time(), message=HOSTILE), variants=variants(blue=90, green=10))
    expect(page.locator("#summary")).to_contain_text("Failed")
    expect(page.get_by_text("To do: ")).to_contain_text("image")
    row = page.locator("#history tbody tr")
    expect(row).to_contain_text("ImagePullFailed")
    expect(row).to_contain_text(HOSTILE)
    expect(page.get_by_text("None is running;")).to_be_visible()


def test_events_of_the_endpoint_appear(page: Page, server: SyncClient, endpoint: Endpoint) -> None:
    expect(page.get_by_text("There are no events")).to_be_visible()
    create_event(server, endpoint, reason="UpdateSucceeded", note=f"Version k3j5 serves. {HOSTILE}", now=time.time())
    row = page.locator("#events tbody tr")
    expect(row).to_contain_text("UpdateSucceeded")
    expect(row).to_contain_text(HOSTILE)


def test_an_endpoint_that_is_deleted_is_said_to_be_gone(page: Page, client: MLOpsClient) -> None:
    client.V1Alpha1Endpoint.delete("titanic")
    expect(page.get_by_text("It does not exist, or not any more.")).to_be_visible()
    expect(page.locator("#content")).to_be_hidden()


def test_addresses_are_links_only_if_a_browser_can_follow_them(page: Page, report: Report, endpoint: Endpoint) -> None:
    expect(page.get_by_role("link", name="http://titanic.example.com")).to_be_visible()
    for url in ("javascript:alert(1)", "http://titanic-metrics.titanic.svc:9090/metrics", "no address"):
        report(endpoint, conditions=READY, **(SERVING | {"url": url}), variants=variants(blue=90, green=10))
        expect(page.locator("#facts dd").first).to_have_text(url)
        expect(page.locator("#facts a")).to_have_count(0)
