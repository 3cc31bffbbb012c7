"""What the page says when the API server, the operator or the dashboard itself is away."""

from pathlib import Path

from playwright.sync_api import expect

from mlendpoints.client import Endpoint, MLOpsClient
from tests.apiserver.client.conftest import Report, create_titanic
from tests.apiserver.client.operating import install
from tests.apiserver.dashboard.conftest import Open, serving
from tests.apiserver.dashboard.reports import READY, SERVING, hold_lease
from tests.kit.gate import gate_to
from tests.kit.sync_client import SyncClient

AWAY = "The API server is away"


def test_while_the_api_server_is_away_a_banner_says_so_and_afterwards_the_page_is_current(
    endpoint: Endpoint, report: Report, kubeconfig: Path, opened: Open, tmp_path: Path
) -> None:
    namespace = endpoint.metadata.namespace
    with gate_to(kubeconfig, tmp_path) as (gate, path), serving(path, "-n", namespace) as url:
        page = opened(url)
        row = page.get_by_role("row", name="titanic")
        expect(row).to_contain_text("InService")
        gate.close()
        expect(page.get_by_role("alert")).to_contain_text(AWAY)
        expect(row).to_contain_text("InService")
        report(endpoint, conditions=READY, **(SERVING | {"state": "Updating"}))
        gate.open()
        expect(row).to_contain_text("Updating")
        expect(page.get_by_role("alert")).not_to_contain_text(AWAY)


def test_without_an_operator_a_banner_says_so_until_one_holds_the_lease(
    client: MLOpsClient, server: SyncClient, kubeconfig: Path, namespace: str, opened: Open
) -> None:
    create_titanic(client)
    with serving(kubeconfig, "-n", namespace) as url:
        page = opened(url)
        banner = page.get_by_role("alert")
        expect(banner).to_contain_text("No operator serves namespace")
        deployment = install(server, namespace)
        try:
            expect(banner).to_contain_text("No operator holds the Lease")
            hold_lease(server, namespace)
            expect(banner).to_have_text("")
        finally:
            server.ask("DELETE", deployment).raise_for_status()


def test_a_lease_that_is_not_renewed_is_no_leader(
    server: SyncClient, kubeconfig: Path, namespace: str, opened: Open
) -> None:
    deployment = install(server, namespace)
    hold_lease(server, namespace)
    try:
        with serving(kubeconfig, "-n", namespace) as url:
            expect(opened(url).get_by_role("alert")).to_contain_text("No operator holds the Lease")
    finally:
        server.ask("DELETE", deployment).raise_for_status()


def test_a_dashboard_that_has_ended_is_missed_and_found_again_only_by_its_new_url(
    endpoint: Endpoint, kubeconfig: Path, namespace: str, opened: Open
) -> None:
    assert endpoint
    with serving(kubeconfig, "-n", namespace) as url:
        page = opened(url)
        expect(page.get_by_role("row", name="titanic")).to_contain_text("InService")
    expect(page.get_by_role("alert")).to_contain_text("The dashboard does not respond; reconnecting.")
    port = url.split(":")[2].split("/")[0]
    with serving(kubeconfig, "-n", namespace, "--port", port) as again:
        expect(page.get_by_role("alert")).to_contain_text("Open the address that it has printed.")
        page.goto(again)
        expect(page.get_by_role("row", name="titanic")).to_contain_text("InService")
