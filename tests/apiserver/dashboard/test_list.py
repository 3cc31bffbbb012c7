"""The list of endpoints, as it changes."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from playwright.sync_api import expect

from mlendpoints.client import Endpoint, MLOpsClient
from tests.apiserver.client.conftest import Report, create_titanic
from tests.apiserver.dashboard.conftest import Open, serving
from tests.apiserver.dashboard.reports import READY, SERVING
from tests.kit.gate import gate_to
from tests.kit.sync_client import SyncClient
from tests.kit.waiting import wait_until

HOSTILE = "<img src=x onerror=alert(1)>"


def test_endpoints_appear_change_and_disappear_without_a_reload(
    client: MLOpsClient, report: Report, kubeconfig: Path, namespace: str, opened: Open
) -> None:
    with serving(kubeconfig, "-n", namespace) as url:
        page = opened(url)
        expect(page.get_by_text("There are no endpoints here.")).to_be_visible()
        endpoint = create_titanic(client)
        row = page.get_by_role("row", name="titanic")
        expect(row).to_contain_text("The operator has not yet reported on generation 1.")
        ready = {"Ready": ("True", "It is as requested.")}
        report(endpoint, conditions=ready, state="InService", traffic=f"blue=90 {HOSTILE}")
        expect(row).to_contain_text("InService")
        expect(row).to_contain_text(HOSTILE)
        client.V1Alpha1Endpoint.delete("titanic")
        expect(page.get_by_text("There are no endpoints here.")).to_be_visible()


OBSERVE = """() => {
  window.touched = new Set();
  new MutationObserver((all) => all.forEach(({ target }) => {
    const element = target.nodeType === Node.ELEMENT_NODE ? target : target.parentElement;
    const row = element?.closest("tr")?.cells[0].textContent;
    if (!element?.closest("time")) window.touched.add(row ?? `${target.id || target.nodeName}: ${target.textContent}`);
  })).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
}"""


def test_of_500_endpoints_only_the_one_that_changes_is_touched_and_a_filter_finds_it(
    endpoint: Endpoint, report: Report, server: SyncClient, kubeconfig: Path, opened: Open
) -> None:
    namespace = endpoint.metadata.namespace
    with ThreadPoolExecutor(8) as creators:
        list(creators.map(lambda number: create(server, namespace, f"many-{number:03}"), range(499)))
    with serving(kubeconfig, "-n", namespace) as url:
        page = opened(url)
        expect(page.locator("#count")).to_have_text("500 endpoints")
        expect(page.locator("#endpoints tbody tr")).to_have_count(500)
        expect(page.get_by_role("alert")).not_to_be_empty()
        page.evaluate(OBSERVE)
        report(endpoint, conditions=READY, **(SERVING | {"state": "Updating"}))
        expect(page.get_by_role("row", name="titanic")).to_contain_text("Updating")
        assert page.evaluate("[...window.touched]") == ["titanic"]
        page.get_by_role("searchbox").fill("updating")
        expect(page.locator("#count")).to_have_text("1 of 500 endpoints")
        expect(page.get_by_role("row", name="titanic")).to_be_visible()
        expect(page.locator("#endpoints tbody tr:visible")).to_have_count(1)


def create(server: SyncClient, namespace: str, name: str) -> None:
    spec = {"config": "titanic", "host": f"{name}.{namespace}.example.com"}
    server.create("mle", {"metadata": {"name": name, "namespace": namespace}, "spec": spec}).raise_for_status()


def test_tabs_share_one_watch(endpoint: Endpoint, kubeconfig: Path, opened: Open, tmp_path: Path) -> None:
    with gate_to(kubeconfig, tmp_path) as (gate, path), serving(path, "-n", endpoint.metadata.namespace) as url:
        first = opened(url)
        expect(first.get_by_role("row", name="titanic")).to_be_visible()
        wait_until(lambda: gate.connections >= 2, "both kinds are watched")
        before = gate.connections
        for _ in range(5):
            expect(opened(url).get_by_role("row", name="titanic")).to_be_visible()
        assert gate.connections <= before + 1  # the look at the Lease has one of its own
