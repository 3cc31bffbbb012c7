"""With few rights the page shows what the user may see, and names the rights for the rest."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Page, expect

from mlendpoints.api.meta import GROUP
from mlendpoints.client import Endpoint
from tests.apiserver.api.conftest import MARKERS, grant, until_known
from tests.apiserver.dashboard.conftest import Open, serving
from tests.apiserver.dashboard.pods import create_pod, metrics_of
from tests.kit.sync_client import Object, SyncClient

ENDPOINTS: Object = {
    "apiGroups": [GROUP],
    "resources": ["machinelearningendpoints"],
    "verbs": ["get", "list", "watch"],
}
PODS: Object = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}


def own_kubeconfig(server: SyncClient, kubeconfig: Path, namespace: str, rules: list[Object]) -> str:
    """That of a ServiceAccount with these rights alone."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    server.ask("POST", path, body={"metadata": {"name": "eve"}}).raise_for_status()
    token = server.ask("POST", f"{path}/eve/token", body={"spec": {}}).json()["status"]["token"]
    user = f"system:serviceaccount:{namespace}:eve"
    grant(server, namespace, user, [*rules, MARKERS])
    until_known(server.impersonating(user), namespace)
    known = yaml.safe_load(kubeconfig.read_text())
    known["users"] = [{"name": each["name"], "user": {"token": token}} for each in known["users"]]
    return str(yaml.safe_dump(known))


@pytest.fixture(params=[[ENDPOINTS], [ENDPOINTS, PODS]], ids=["endpoints", "endpoints-and-pods"])
def page(
    request: pytest.FixtureRequest, server: SyncClient, kubeconfig: Path, endpoint: Endpoint, opened: Open
) -> Iterator[Page]:
    """The page of a user who may read endpoints, and perhaps pods."""
    namespace = endpoint.metadata.namespace
    create_pod(server, namespace, "blue-1", instance="rfc-iqarvt52")
    own = kubeconfig.parent / f"{namespace}.yaml"
    own.write_text(own_kubeconfig(server, kubeconfig, namespace, request.param))
    with serving(own, "-n", namespace) as url, metrics_of({}):
        yield opened(url)


def test_what_may_not_be_read_is_said_with_the_missing_right(page: Page) -> None:
    expect(page.get_by_role("row", name="titanic")).to_contain_text("InService")
    banner = page.get_by_role("alert")
    expect(banner).to_contain_text("Whether an operator acts is not known.")
    expect(banner).to_contain_text('cannot list resource "mlmodels"')
    page.get_by_role("link", name="titanic").click()
    expect(page.get_by_role("img", name="In force: blue 90 %, green 10 %")).to_be_visible()
    expect(page.get_by_role("img", name="Requested: blue 90 %, green 10 %")).to_be_visible()
    expect(page.locator("#events-note")).to_contain_text('cannot list resource "events"')
    expect(page.locator("#note")).to_contain_text("Ask an administrator for")
