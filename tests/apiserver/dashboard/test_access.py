"""Everybody can use it: by keyboard alone, with a screen reader, in light and dark, on small and large screens."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from mlendpoints.client import Endpoint, MLModel, MLModelSpec, MLOpsClient, ObjectMeta
from tests.apiserver.client.conftest import Report
from tests.apiserver.dashboard.conftest import Open, serving
from tests.apiserver.dashboard.reports import create_event, failed, updating, variants
from tests.kit.sync_client import SyncClient

WIDTHS = (320, 768, 1280, 1920)


@pytest.fixture
def url(endpoint: Endpoint, client: MLOpsClient, report: Report, server: SyncClient, kubeconfig: Path) -> Iterator[str]:
    """Of a dashboard that shows as much as possible: a running update after a failed one, an MLModel, an event."""
    spec = MLModelSpec(image="registry.example.com/titanic:1")
    model = client.V1Alpha1MLModel.create(MLModel(metadata=ObjectMeta(name="small"), spec=spec))
    report(model, phase="Downloading", version="k3j5", conditions={"Ready": ("Unknown", "It is downloaded.")})
    now = time.time()
    history = failed(now, message="rfc-w2x4: the image cannot be pulled: not found.")["history"]
    report(endpoint, **updating(now), history=history, variants=variants(blue=75, green=25))
    create_event(server, endpoint, reason="UpdateStarted", note="Version w2x4 is rolled out.", now=now)
    with serving(kubeconfig, "-n", client.namespace) as url:
        yield url


def show_detail(page: Page) -> None:
    page.get_by_role("link", name="titanic").click()
    expect(page.locator("#events tbody tr")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(opened: Open, url: str, scheme: str) -> None:
    page = opened(url, color_scheme=scheme)
    expect(page.get_by_role("row", name="small")).to_be_visible()
    expect(page.get_by_role("alert")).not_to_be_empty()
    check(page)
    show_detail(page)
    check(page)
    page.set_viewport_size({"width": 320, "height": 800})
    check(page)
    page.goto(page.url.replace("/endpoints/", "/mlmodels/").replace("/titanic", "/small"))
    expect(page.get_by_role("heading", level=1)).to_have_text("small")
    check(page)


def check(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_nothing_is_wider_than_the_screen(opened: Open, url: str) -> None:
    page = opened(url)
    expect(page.get_by_role("row", name="small")).to_be_visible()
    check_widths(page)
    show_detail(page)
    check_widths(page)


def check_widths(page: Page) -> None:
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert scroll_width(page) <= width


def scroll_width(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth"))


def test_the_keyboard_alone_filters_opens_an_endpoint_and_returns(opened: Open, url: str) -> None:
    page = opened(url)
    expect(page.get_by_role("row", name="titanic")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("nothing like it")
    expect(page.get_by_role("row", name="titanic")).to_be_hidden()
    expect(page.get_by_role("status")).to_have_text("0 of 1 endpoints")
    page.keyboard.press("Control+A")
    page.keyboard.type("titan updating")
    expect(page.get_by_role("status")).to_have_text("1 of 1 endpoints")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="titanic")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("titanic")
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value("titan updating")
    expect(page.get_by_role("row", name="titanic")).to_be_visible()
