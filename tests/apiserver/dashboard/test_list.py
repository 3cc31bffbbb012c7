"""The list of endpoints, as it changes."""

from pathlib import Path

from playwright.sync_api import expect

from mlendpoints.client import MLOpsClient
from tests.apiserver.client.conftest import Report, create_titanic
from tests.apiserver.dashboard.conftest import Open, serving

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
        report(endpoint, conditions=ready, state="InService", traffic=f"blue=90,green=10 {HOSTILE}")
        expect(row).to_contain_text("InService")
        expect(row).to_contain_text(HOSTILE)
        client.V1Alpha1Endpoint.delete("titanic")
        expect(page.get_by_text("There are no endpoints here.")).to_be_visible()
